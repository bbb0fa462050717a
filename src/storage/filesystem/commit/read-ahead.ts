import type { Codec, LiveCodec } from '../../../codec/index.js';
import { limits, type SegmentHash, StowkenError } from '../../../model/index.js';
import type { Change, NewSegment } from '../../contract/change.js';
import { inParallel } from '../disk/parallel.js';
import type { Manifest } from '../layout/manifest-record.js';
import type { StagedCommit } from './staged-commit.js';

/** Dependencies of a change's checks. */
export interface CommitContext {
  readonly codec: LiveCodec;
  /** Reads a file as the commits so far left it. @throws StowkenError CORRUPT_STORE */
  readonly readFile: (path: string) => Promise<Uint8Array | undefined>;
  /** Reads the conversation's manifest as the draft leaves it. @throws StowkenError CORRUPT_STORE */
  readonly readManifest: (draft: StagedCommit, id: string) => Promise<Manifest | undefined>;
  /** Reads the segment's outside holders as the draft leaves them. @throws StowkenError CORRUPT_STORE */
  readonly readHolders: (draft: StagedCommit, hash: SegmentHash) => Promise<ReadonlySet<string>>;
  /** Reads the segment's frame as the draft leaves it. @throws StowkenError CORRUPT_STORE */
  readonly readFrame: (draft: StagedCommit, hash: SegmentHash) => Promise<Uint8Array | undefined>;
  /** @throws StowkenError CORRUPT_STORE if the references of segments are not completely known */
  readonly assertAllReferencesRead: () => void;
  /** Returns the oldest commit that an open snapshot saw. */
  readonly oldestLease: () => number;
}

/** Reads all manifests that the change names. @throws StowkenError CORRUPT_STORE */
export async function readManifests(
  draft: StagedCommit,
  { put, append, fork, delete: doomed }: Change,
  { readManifest }: CommitContext,
): Promise<Map<string, Manifest | undefined>> {
  const manifests = new Map<string, Manifest | undefined>();
  for (const id of [put?.spec.id, append?.id, fork?.id, fork?.newId, doomed?.id]) {
    if (id !== undefined) manifests.set(id, await readManifest(draft, id));
  }
  return manifests;
}

/**
 * Reads the holders of the segments whose references change, if they are stored or part of the change.
 * @throws StowkenError CORRUPT_STORE
 */
export async function readHolders(
  draft: StagedCommit,
  { addReferences = [], removeReferences = [], newSegments = [] }: Change,
  { readHolders: read }: CommitContext,
): Promise<Map<SegmentHash, Set<string>>> {
  const incoming = new Set(newSegments.map(({ hash }) => hash));
  const named = new Set([...addReferences, ...removeReferences].map(({ hash }) => hash));
  const holders = new Map<SegmentHash, Set<string>>();
  await inParallel(named, async (hash) => {
    if (incoming.has(hash) || draft.segment(hash)) holders.set(hash, new Set(await read(draft, hash)));
  });
  return holders;
}

/** Reads the frames that are to be replaced. @throws StowkenError CORRUPT_STORE */
export async function readFrames(
  draft: StagedCommit,
  { replaceFrames = [] }: Change,
  { readFrame }: CommitContext,
): Promise<Map<SegmentHash, Uint8Array | undefined>> {
  const frames = new Map<SegmentHash, Uint8Array | undefined>();
  for (const { key } of replaceFrames) {
    const hash = draft.segmentById(Number(key))?.hash;
    if (hash !== undefined && !frames.has(hash)) frames.set(hash, await readFrame(draft, hash));
  }
  return frames;
}

/** Decodes frames before they are stored, because afterwards they are the only copy of their tokens. */
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
