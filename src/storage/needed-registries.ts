import { frameRegistryId, registryIdOf } from '../codec/index.js';
import { StowkenError } from '../model/index.js';
import type { Change } from './change.js';

/**
 * Checks that every registry which a change's frames name is there, and that a new one has a new id.
 * @throws StowkenError REGISTRY_CONFLICT
 */
export function checkRegistries(change: Change, has: (id: number) => boolean, lastId: () => number): void {
  for (const frames of [change.newSegments, change.replaceFrames]) {
    for (const { frame } of frames ?? []) {
      const id = frameRegistryId(frame);
      if (id !== undefined && !has(id)) throw registryMissing(id);
    }
  }
  if (!change.putRegistry) return;
  const id = registryIdOf(change.putRegistry.bytes);
  if (id <= lastId()) throw conflict(`registry ${id} is not above registry ${lastId()}`, id);
}

export function registryMissing(id: number): StowkenError {
  return conflict(`a frame names registry ${id}, which is not stored`, id);
}

function conflict(what: string, id: number): StowkenError {
  return new StowkenError('REGISTRY_CONFLICT', what, { registry: String(id) });
}
