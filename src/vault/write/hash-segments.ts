import type { TokenCore } from '../../core/index.js';
import {
  limits,
  type MessageRecord,
  type NamedSegment,
  type SegmentHash,
  type Speaker,
  type TokenRun,
  withFieldSegments,
} from '../../model/index.js';
import { yieldToEventLoop, throwIfAborted } from '../event-loop.js';
import type { BlockFingerprints } from '../prefix/index.js';
import { attachmentRuns } from './attachments.js';
import { splitMessage } from './splitter.js';

const none: readonly TokenRun[] = [];

export interface HashedMessages {
  readonly messages: MessageRecord[];
  /** Each distinct segment, once, by its hash. */
  readonly runOf: ReadonlyMap<SegmentHash, TokenRun>;
}

/**
 * Splits every message, given in pieces, into segments and hashes them; computes block fingerprints if these
 * are wanted. `fields`: pieces of each message's fields. Attachments are stored beside them.
 */
export async function hashSegments(
  core: TokenCore,
  speakers: readonly (Speaker & { readonly attachments?: readonly Uint8Array[] })[],
  runs: readonly (readonly TokenRun[])[],
  signal: AbortSignal,
  fingerprints?: BlockFingerprints,
  fields: readonly (readonly TokenRun[])[] = [],
): Promise<HashedMessages> {
  const runOf = new Map<SegmentHash, TokenRun>();
  const messages: MessageRecord[] = [];
  let tokens = 0;
  for (let index = 0; index < runs.length; index++) {
    const pieces = runs[index]!;
    const segments: NamedSegment[] = [];
    for (const segment of splitMessage(core, pieces)) {
      const hash = core.hash(segment.varints);
      if (!runOf.has(hash)) runOf.set(hash, segment);
      segments.push({ hash, tokenCount: segment.tokenCount });
      fingerprints?.push(segment);
      tokens += segment.tokenCount;
      if (tokens >= limits.turnTokensMax) {
        tokens = 0;
        await yieldToEventLoop();
        throwIfAborted(signal);
      }
    }
    const { role, name, toolCallId, attachments } = speakers[index]!;
    const contents = segments.length;
    for (const piece of fields[index] ?? none) {
      for (const segment of splitMessage(core, [piece])) {
        const hash = core.hash(segment.varints);
        if (!runOf.has(hash)) runOf.set(hash, segment);
        segments.push({ hash, tokenCount: segment.tokenCount });
      }
    }
    for (const segment of attachments ? attachmentRuns(core, attachments) : none) {
      const hash = core.hash(segment.varints);
      if (!runOf.has(hash)) runOf.set(hash, segment);
      segments.push({ hash, tokenCount: segment.tokenCount });
      tokens += segment.tokenCount;
      if (tokens < limits.turnTokensMax) continue;
      tokens = 0;
      await yieldToEventLoop();
      throwIfAborted(signal);
    }
    messages.push(withFieldSegments({ role, name, toolCallId, segments }, segments.length - contents));
  }
  return { messages, runOf };
}
