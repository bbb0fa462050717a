import type { ManagedBackend } from '../contract/backend.js';
import type { FilesystemOptions } from './open.js';

export type { FilesystemOptions } from './open.js';

/** Opens a vault in plain files; see open.ts, which is loaded only by those who have one. */
export async function openFilesystemBackend(options: FilesystemOptions): Promise<ManagedBackend> {
  return (await import('./open.js')).openFilesystem(options);
}
