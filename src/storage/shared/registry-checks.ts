import { type Codec, frameRegistryId, registryIdOf } from '../../codec/index.js';
import { type SegmentHash, StowkenError } from '../../model/index.js';
import type { Change, FrameReplacement, SegmentKey } from '../contract/change.js';

/**
 * Checks that every registry named by a change's frames exists, and that a new registry has a new id.
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

function registryMissing(id: number): StowkenError {
  return conflict(`a frame names registry ${id}, which is not stored`, id);
}

function conflict(what: string, id: number): StowkenError {
  return new StowkenError('REGISTRY_CONFLICT', what, { registry: String(id) });
}

/**
 * @throws StowkenError REGISTRY_CONFLICT for a frame whose registry is not stored, CORRUPT_SEGMENT for one
 * that does not hold the tokens of the segment it is for
 */
export function checkReplacements(
  replacements: readonly FrameReplacement[],
  hashOf: (key: SegmentKey) => SegmentHash | undefined,
  codec: Codec,
): void {
  const known = new Set(codec.registries.map(({ id }) => id));
  for (const { key, frame } of replacements) {
    const registryId = frameRegistryId(frame);
    if (registryId !== undefined && !known.has(registryId)) throw registryMissing(registryId);
    const hash = hashOf(key);
    if (hash !== undefined && codec.hashOf(frame) !== hash) {
      throw new StowkenError('CORRUPT_SEGMENT', `the new frame of segment ${key} holds other tokens`, {
        segment: String(key),
      });
    }
  }
}
