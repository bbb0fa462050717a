import { limits, StowkenError } from '../../model/index.js';
import { FairSlots } from '../../queue/index.js';
import type { KeptMemory } from './types.js';

/** Size up to which a message's text needs no room. */
const freeBytesMax = 64 * 1024;
/** Size up to which a text is charged as if it had this size. */
const shortBytesMax = 1024 * 1024;

/**
 * Room of the process. It bounds the texts that wait for the tokenizer threads, which take minutes for more.
 * Uploads have it in the order in which they ask.
 */
const room = new FairSlots<undefined>({ countMax: Infinity, weightMax: limits.textRoomBytesMax });

/**
 * Room for the text of one message of an upload. It is taken for the longest text that a message may have, so
 * that no upload waits for more of it with half of its text. The memory is charged in two steps, so that a
 * server with little of it takes texts that are not long.
 */
export class TextRoom {
  #leave: (() => void) | undefined;
  #chargedBytes = 0;

  constructor(
    private readonly memory: KeptMemory,
    private readonly signal: AbortSignal,
  ) {}

  /**
   * Resolves when there is room for a text of so many bytes.
   * @throws StowkenError OVERLOADED if there is none for limits.intakeWaitMs; the signal's reason; or the
   * refusal of memory
   */
  async growTo(textBytes: number): Promise<void> {
    if (textBytes <= freeBytesMax) return;
    const { signal } = this;
    const wait = { msMax: limits.intakeWaitMs, overdue };
    this.#leave ??= await room.enter({ owner: undefined, weight: limits.uploadTextBytesMax, signal, wait });
    const charge = textBytes <= shortBytesMax ? shortBytesMax : limits.uploadTextBytesMax;
    if (charge <= this.#chargedBytes) return;
    await this.memory.keep(charge - this.#chargedBytes);
    this.#chargedBytes = charge;
  }

  /** Returns everything. */
  close(): void {
    this.#leave?.();
    this.#leave = undefined;
    if (this.#chargedBytes > 0) this.memory.give(this.#chargedBytes);
    this.#chargedBytes = 0;
  }
}

function overdue(): StowkenError {
  const { textRoomBytesMax: limit, intakeWaitMs } = limits;
  return new StowkenError(
    'OVERLOADED',
    `texts of uploads take all of the ${limit} bytes that there are for them, and none became free within ` +
      `${intakeWaitMs} ms; try again`,
    { limit: String(limit) },
  );
}
