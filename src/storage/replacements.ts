import { frameRegistryId, type Codec } from '../codec/index.js';
import { StowkenError, type SegmentHash } from '../model/index.js';
import type { FrameReplacement, SegmentKey } from './change.js';
import { registryMissing } from './needed-registries.js';

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
