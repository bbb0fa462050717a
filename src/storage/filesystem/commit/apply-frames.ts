import type { Codec } from '../../../codec/index.js';
import { limits, StowkenError, type SegmentHash } from '../../../model/index.js';
import type { FrameReplacement, NewSegment } from '../../change.js';
import type { Draft } from './draft.js';

/** A frame on the disk is all that is left of its tokens: it is not taken on trust. */
export async function checkFrames(segments: readonly NewSegment[], codec: Codec): Promise<void> {
  let tokens = 0;
  for (const { hash, tokenCount, frame } of segments) {
    if (codec.hashOf(frame) !== hash || codec.decode(frame).tokenCount !== tokenCount) {
      const message = `a frame of ${frame.length} bytes does not hold the segment that it is stored as`;
      throw new StowkenError('CORRUPT_SEGMENT', message, { hash });
    }
    tokens += tokenCount;
    if (tokens < limits.turnTokensMax) continue;
    tokens = 0;
    await new Promise(setImmediate);
  }
}

/** Says of each replacement whether the stored frame is the one that it expects, after those before it. */
export async function matchReplacements(
  draft: Draft,
  replacements: readonly FrameReplacement[],
  readFrame: (draft: Draft, hash: SegmentHash) => Promise<Uint8Array | undefined>,
): Promise<boolean[]> {
  const current = new Map<SegmentHash, Uint8Array | undefined>();
  const matches: boolean[] = [];
  for (const { key, expected, frame } of replacements) {
    const hash = draft.segmentById(Number(key))?.hash;
    if (hash !== undefined && !current.has(hash)) current.set(hash, await readFrame(draft, hash));
    const stored = hash === undefined ? undefined : current.get(hash);
    const isExpected = stored !== undefined && Buffer.compare(stored, expected) === 0;
    if (isExpected && hash !== undefined) current.set(hash, frame);
    matches.push(isExpected);
  }
  return matches;
}

export function replaceFrames(
  draft: Draft,
  replacements: readonly FrameReplacement[],
  matches: readonly boolean[],
): boolean[] {
  return replacements.map(({ key, frame }, at) => {
    // The change itself may have deleted it.
    const entry = matches[at] === true ? draft.segmentById(Number(key)) : undefined;
    if (entry) draft.replaceFrame(entry, frame);
    return entry !== undefined;
  });
}
