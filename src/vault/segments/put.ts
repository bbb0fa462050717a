import type { Codec } from '../../codec/index.js';
import type { TokenCore } from '../../core/index.js';
import { isStowkenError, limits, type SegmentHash, StowkenError, type TokenRun } from '../../model/index.js';
import type { NewSegment, StorageBackend } from '../../storage/index.js';
import { piecesOf } from '../content-pieces.js';
import { readContent } from '../write/contents.js';
import { encodeSegments } from '../write/commit-segments.js';
import { yieldToEventLoop, throwIfAborted } from '../event-loop.js';
import type { PutSegmentOutcome, PutSegmentsInput } from './types.js';

export interface PutParts {
  readonly backend: StorageBackend;
  readonly core: TokenCore;
  readonly codec: Codec;
}

/** Stores the valid segments of a batch in one commit; an invalid one is refused alone. */
export async function putSegments(
  parts: PutParts,
  { contents, holder }: PutSegmentsInput,
  signal: AbortSignal,
): Promise<PutSegmentOutcome[]> {
  const runOf = new Map<SegmentHash, TokenRun>();
  const outcomes = await nameContents(parts.core, contents, runOf, signal);
  if (runOf.size === 0) return outcomes;
  if (holder === undefined) {
    // Commits all of them: a segment that is stored and garbage already becomes garbage again from now on,
    // and is not collected as old.
    const newSegments = await encodeSegments(parts.codec, runOf, runOf.keys(), signal);
    throwIfAborted(signal);
    await parts.backend.commit({ newSegments });
  } else {
    await commitHeld(parts, runOf, holder, signal);
  }
  return outcomes;
}

/** Validates and hashes each segment; fills `runOf`. */
async function nameContents(
  core: TokenCore,
  contents: PutSegmentsInput['contents'],
  runOf: Map<SegmentHash, TokenRun>,
  signal: AbortSignal,
): Promise<PutSegmentOutcome[]> {
  const outcomes: PutSegmentOutcome[] = [];
  let tokens = 0;
  for (const [index, content] of contents.entries()) {
    try {
      const run = await readRun(core, content, `segments[${index}]`, signal);
      const hash = core.hash(run.varints);
      runOf.set(hash, run);
      outcomes.push({ kind: 'stored', hash, tokenCount: run.tokenCount });
      tokens += run.tokenCount;
    } catch (error) {
      if (!isStowkenError(error)) throw error;
      outcomes.push({ kind: 'failed', error });
    }
    if (tokens >= limits.turnTokensMax) {
      tokens = 0;
      await yieldToEventLoop();
      throwIfAborted(signal);
    }
  }
  return outcomes;
}

/** Reads one segment's tokens. The tokens of one that is too long are counted and not kept. */
async function readRun(
  core: TokenCore,
  content: PutSegmentsInput['contents'][number],
  field: string,
  signal: AbortSignal,
): Promise<TokenRun> {
  const kept: Uint8Array[] = [];
  let tokenCount = 0;
  for (const piece of piecesOf(content)) {
    const run = readContent(core, piece, field);
    tokenCount += run.tokenCount;
    if (tokenCount > limits.segmentTokensMax) kept.length = 0;
    else kept.push(run.varints);
    if (run.tokenCount < limits.turnTokensMax) continue;
    await yieldToEventLoop();
    throwIfAborted(signal);
  }
  checkTokenCount(tokenCount, field);
  return { varints: kept.length === 1 ? kept[0]! : Buffer.concat(kept), tokenCount };
}

function checkTokenCount(tokenCount: number, field: string): void {
  const limit = tokenCount === 0 ? 1 : limits.segmentTokensMax;
  if (tokenCount > 0 && tokenCount <= limit) return;
  const what = tokenCount === 0 ? 'no tokens' : `${tokenCount} tokens; the limit is ${limit}`;
  throw new StowkenError('INVALID_FIELD', `${field} has ${what}`, {
    field,
    size: String(tokenCount),
    limit: String(limit),
  });
}

async function commitHeld(
  { backend, codec }: PutParts,
  runOf: ReadonlyMap<SegmentHash, TokenRun>,
  holder: string,
  signal: AbortSignal,
): Promise<void> {
  const hashes = [...runOf.keys()];
  const stored = await backend.findSegments(hashes);
  const missing = hashes.filter((_, index) => stored[index] === undefined);
  const addReferences = hashes.map((hash) => ({ hash, holder }));
  const commit = async (newSegments: readonly NewSegment[]) => {
    throwIfAborted(signal);
    const result = await backend.commit({ newSegments, addReferences });
    return result.addReferences!.every((outcome) => outcome !== undefined);
  };
  if (await commit(await encodeSegments(codec, runOf, missing, signal))) return;
  // A segment was collected after it was found: send all of them along.
  await commit(await encodeSegments(codec, runOf, hashes, signal));
}
