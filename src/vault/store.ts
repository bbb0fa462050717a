import { v7 as uuidv7 } from 'uuid';
import type { Codec } from '../codec/index.js';
import type { TokenCore } from '../core/index.js';
import {
  isStowkenError,
  limits,
  type MessageRecord,
  type NamedSegment,
  type SegmentHash,
  type TokenRun,
} from '../model/index.js';
import type { Change, NewSegment, StorageBackend } from '../storage/index.js';
import type { Tokenizers } from '../text/index.js';
import { readContents } from './contents.js';
import { cutIntoSegments } from './cut.js';
import { encodeSegments } from './encode.js';
import { breathe, throwIfAborted } from './turns.js';
import type { StoreInput, StoreResult } from './types.js';

export interface StoreParts {
  readonly backend: StorageBackend;
  readonly core: TokenCore;
  readonly codec: Codec;
  readonly tokenizers: Tokenizers;
  readonly clock: () => number;
}

/** Stores a conversation in one commit; only segments that the vault does not have yet are encoded. */
export async function storeConversation(
  parts: StoreParts,
  input: StoreInput,
  signal: AbortSignal,
): Promise<StoreResult> {
  const { core, codec, backend, tokenizers } = parts;
  const spec = input.spec.id === '' ? { ...input.spec, id: uuidv7() } : input.spec;
  const runs = await readContents(core, tokenizers, spec.tokenizer, input.messages, signal);
  const { messages, runOf } = await nameSegments(core, input.messages, runs, signal);

  const stored = await backend.findSegments([...runOf.keys()]);
  const missing = [...runOf.keys()].filter((_, index) => stored[index] === undefined);
  const newSegments = await encodeSegments(codec, runOf, missing, signal);
  const put: Change['put'] = {
    spec,
    messages,
    expect:
      input.ifRevision === undefined
        ? { kind: 'absentOrSame' }
        : { kind: 'revision', revision: input.ifRevision },
    timeMs: parts.clock(),
  };
  throwIfAborted(signal);
  const result = await commitWithSegments(parts, { put }, newSegments, runOf);
  const outcome = result.put!;
  return {
    conversation: outcome.conversation,
    totalSegments: outcome.segments,
    newSegments: outcome.newSegments,
    newTokens: outcome.newTokens,
    storedBytes: outcome.newFrameBytes,
    unchanged: outcome.unchanged,
  };
}

/** Cuts every message into segments and names them; each distinct run is kept once, by its name. */
async function nameSegments(
  core: TokenCore,
  speakers: StoreInput['messages'],
  runs: readonly TokenRun[],
  signal: AbortSignal,
): Promise<{ messages: MessageRecord[]; runOf: Map<SegmentHash, TokenRun> }> {
  const runOf = new Map<SegmentHash, TokenRun>();
  const messages: MessageRecord[] = [];
  let tokens = 0;
  for (const [index, run] of runs.entries()) {
    const segments: NamedSegment[] = [];
    for (const segment of cutIntoSegments(core, run)) {
      const hash = core.hash(segment.varints);
      if (!runOf.has(hash)) runOf.set(hash, segment);
      segments.push({ hash, tokenCount: segment.tokenCount });
      tokens += segment.tokenCount;
      if (tokens >= limits.turnTokensMax) {
        tokens = 0;
        await breathe();
        throwIfAborted(signal);
      }
    }
    const { role, name, toolCallId } = speakers[index]!;
    messages.push({ role, name, toolCallId, segments });
  }
  return { messages, runOf };
}

/**
 * A segment found before the commit may have been collected since, and a registry that frames were written
 * with may have been dropped: then all frames are written anew, and go along.
 */
async function commitWithSegments(
  parts: StoreParts,
  change: Change,
  newSegments: readonly NewSegment[],
  runOf: ReadonlyMap<SegmentHash, TokenRun>,
) {
  try {
    return await parts.backend.commit({ ...change, newSegments });
  } catch (error) {
    const isStale = isStowkenError(error, 'SEGMENT_MISSING') || isStowkenError(error, 'REGISTRY_CONFLICT');
    if (!isStale) throw error;
    const all = [...runOf].map(([hash, run]) => ({
      hash,
      tokenCount: run.tokenCount,
      frame: parts.codec.encode(run),
    }));
    return parts.backend.commit({ ...change, newSegments: all });
  }
}
