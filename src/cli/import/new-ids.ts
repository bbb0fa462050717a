import { randomFillSync } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';

const idBytes = 16;
/** Random bytes that are taken at once: to ask for those of one id takes longer than the rest of its line. */
const bytesAtOnce = 256 * idBytes;

/** Ids of conversations that have none: UUIDs of version 7, each greater than the one before. */
export class NewIds {
  readonly #random = new Uint8Array(bytesAtOnce);
  #taken = bytesAtOnce;
  #ms = 0;
  #sequence = 0;

  readonly next = (): string => {
    if (this.#taken === bytesAtOnce) {
      randomFillSync(this.#random);
      this.#taken = 0;
    }
    const random = this.#random.subarray(this.#taken, (this.#taken += idBytes));
    this.#advance(random);
    return uuidv7({ random, msecs: this.#ms, seq: this.#sequence });
  };

  /** Counts within a millisecond, from a random number on. A clock that is set back does not end it. */
  #advance(random: Uint8Array): void {
    const now = Date.now();
    if (now > this.#ms) {
      this.#ms = now;
      this.#sequence = new DataView(random.buffer, random.byteOffset).getUint32(0) >>> 1;
    } else {
      this.#sequence = (this.#sequence + 1) >>> 0;
      if (this.#sequence === 0) this.#ms += 1;
    }
  }
}
