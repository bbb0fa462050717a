import type { LiveCodec } from '../../../codec/index.js';
import { isStowkenError, StowkenError } from '../../../model/index.js';
import type { Disk } from '../disk/disk.js';
import { META_SUFFIX, REGISTRIES, registryId, registryMetaPath, registryPath } from '../layout/paths.js';
import { decodeRegistry } from '../layout/records.js';
import type { RegistryIndex } from './registry-index.js';

/**
 * Gives the index and the codec every stored registry.
 * @throws StowkenError CORRUPT_STORE: without one of them, most of what is stored could not be read
 */
export async function loadRegistries(disk: Disk, index: RegistryIndex, codec: LiveCodec): Promise<void> {
  const files = (await disk.list(REGISTRIES)).filter(({ isFolder }) => !isFolder);
  const ids = new Set(
    files.map(({ name }) =>
      registryId(name.endsWith(META_SUFFIX) ? name.slice(0, -META_SUFFIX.length) : name),
    ),
  );
  for (const id of ids) {
    if (id === undefined) continue; // not ours; check() names it
    const bytes = await disk.read(registryPath(id));
    const sidecar = await disk.read(registryMetaPath(id));
    if (!bytes || !sidecar) throw damaged(id, bytes ? 'its .meta is gone' : 'it is gone');
    try {
      const { createTimeMs } = decodeRegistry(sidecar, id, bytes);
      codec.add(bytes);
      index.set(id, { id, bytes: bytes.length, createTimeMs, sidecarBytes: sidecar.length });
    } catch (error) {
      throw isStowkenError(error, 'CORRUPT_STORE') ? damaged(id, error.message) : error;
    }
  }
}

function damaged(id: number, detail: string): StowkenError {
  const message = `${registryPath(id)}: ${detail}; restore it from a backup: without it frames cannot be read`;
  return new StowkenError('CORRUPT_STORE', message, { registry: String(id) });
}
