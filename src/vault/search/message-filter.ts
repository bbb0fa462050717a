import { limits } from '../../model/index.js';
import type { StoredMessage } from '../../storage/index.js';
import { throwIfAborted, yieldToEventLoop } from '../event-loop.js';
import { FOUND } from './automaton.js';
import { isOfContent, type SearchParts } from './messages.js';
import { type SegmentScan, SegmentStates, WindowStates } from './segment-states.js';
import type { ScanTables } from './token-scanner.js';

/** A message that is followed segment by segment. */
interface Walk {
  readonly message: StoredMessage;
  /** Segments that are behind. */
  passed: number;
  state: number;
}

/**
 * Finds the messages of one tokenizer that may hold a needle, by their tokens. Each distinct segment is
 * scanned once, as long as it is remembered; in a message of several segments once more, if the one before it
 * ends with a beginning of the needle.
 */
export class MessageFilter {
  readonly #remembered = new SegmentStates();

  constructor(
    private readonly parts: SearchParts,
    private readonly tables: ScanTables,
    private readonly signal: AbortSignal,
  ) {}

  /**
   * Returns those of the messages that may hold the needle. All that hold it are among them, and those that
   * cannot be read or have tokens that the tokenizer does not have.
   */
  async select(messages: readonly StoredMessage[]): Promise<ReadonlySet<StoredMessage>> {
    const selected = new Set<StoredMessage>();
    const states = new WindowStates(this.#remembered);
    // Each segment is scanned with state 0 before it at first: in nearly all places that is the state.
    for (const { segments } of messages) for (const segment of segments) states.want(segment, 0);
    let walks = messages.map((message): Walk => ({ message, passed: 0, state: 0 }));
    while (walks.length > 0) {
      for (const batch of batchesOf(states.takeWanted())) await this.#scan(batch, states);
      walks = walks.filter((walk) => {
        const goesOn = follow(walk, states);
        if (walk.state === FOUND) selected.add(walk.message);
        return goesOn;
      });
    }
    return selected;
  }

  /** Scans segments that are read together. */
  async #scan(batch: readonly SegmentScan[], states: WindowStates): Promise<void> {
    throwIfAborted(this.signal);
    const behind = await this.#behind(batch);
    for (const [at, scan] of batch.entries()) states.set(scan, behind === undefined ? FOUND : behind[at]!);
  }

  /** Resolves to the state behind each segment; to undefined if they cannot be read together. */
  async #behind(scans: readonly SegmentScan[]): Promise<Uint8Array | undefined> {
    const { parts, tables, signal } = this;
    const { backend, searchThreads } = parts;
    try {
      const frames: Uint8Array[] = [];
      for (let from = 0; from < scans.length; from += limits.readBatchSlotsMax) {
        await yieldToEventLoop();
        const some = scans.slice(from, from + limits.readBatchSlotsMax);
        frames.push(...(await backend.readFrames(some.map(({ key }) => key))));
      }
      const codec = parts.codec.snapshot();
      return await searchThreads.scan(backend, { tables, scans, frames, codec }, signal);
    } catch (error) {
      if (!isOfContent(error)) throw error;
      return undefined;
    }
  }
}

/** Follows a message as far as states are known. Returns true if it goes on behind a scan. */
function follow(walk: Walk, states: WindowStates): boolean {
  const { segments } = walk.message;
  for (; walk.passed < segments.length && walk.state !== FOUND; walk.passed++) {
    const segment = segments[walk.passed]!;
    const behind = states.get(segment.key, walk.state);
    if (behind === undefined) {
      states.want(segment, walk.state);
      return true;
    }
    walk.state = behind;
  }
  return false;
}

/** Splits segments into batches that are read together. */
function* batchesOf(scans: readonly SegmentScan[]): Generator<readonly SegmentScan[], void, void> {
  let from = 0;
  let tokens = 0;
  for (const [index, { tokenCount }] of scans.entries()) {
    const isFull =
      tokens + tokenCount > limits.readBatchTokensMax || index - from >= limits.searchScanSlotsMax;
    if (isFull && index > from) {
      yield scans.slice(from, index);
      from = index;
      tokens = 0;
    }
    tokens += tokenCount;
  }
  if (from < scans.length) yield scans.slice(from);
}
