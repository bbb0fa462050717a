import type { TokenCore } from '../core/index.js';
import {
  limits,
  type MessageRecord,
  type NamedSegment,
  type SegmentHash,
  type Speaker,
  type TokenRun,
} from '../model/index.js';
import { cutIntoSegments } from './cut.js';
import { breathe, throwIfAborted } from './turns.js';

export interface NamedMessages {
  readonly messages: MessageRecord[];
  /** Each distinct run, once, by its name. */
  readonly runOf: ReadonlyMap<SegmentHash, TokenRun>;
}

/** Cuts every message into segments and names them. */
export async function nameSegments(
  core: TokenCore,
  speakers: readonly Speaker[],
  runs: readonly TokenRun[],
  signal: AbortSignal,
): Promise<NamedMessages> {
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
