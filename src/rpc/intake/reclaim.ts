import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { ByteBudget } from './budget.js';
import type { GatheringSlabs } from './slabs.js';

/** Bytes of buffers more than after the last collection, from which on another one is worthwhile. */
const worthBytes = 64 * 1024 * 1024;
/** Limit of the bytes in use by a server that counts as quiet. */
const quietBytes = 16 * 1024 * 1024;
/** Limit of the bytes that it has returned since the last look. */
const quietGivenBytes = 1024 * 1024;
/**
 * Minimum interval between two looks. A collection stops the process for 10 to 100 ms, and code that was
 * compiled for objects that are gone is compiled a second time: for a second, stores take twice as long.
 */
const pauseMs = 2000;
/** Collections after much was returned: a call that has just ended may keep something for a moment. */
const collections = 2;

/**
 * Returns memory to the system after large requests. Whole messages are buffers that only the garbage
 * collector frees, and a quiet server allocates nothing that would start it. So when many bytes were returned
 * and the server has become quiet, it is started, and once more a little later. A busy server starts it by
 * itself.
 */
export class Reclaim {
  #collect: (() => void) | undefined;
  #collectedAtBytes = 0;
  /** Least bytes of all buffers since the last collection; undefined: not looked at since. */
  #keptBytes: number | undefined = process.memoryUsage().arrayBuffers;
  #lookedAtBytes = 0;
  #lookedMs = 0;
  #left = 0;

  constructor(
    private readonly budget: ByteBudget,
    private readonly slabs: GatheringSlabs,
  ) {}

  look(nowMs: number): void {
    if (nowMs - this.#lookedMs < pauseMs) return;
    const { givenBytes, usedBytes } = this.budget;
    const givenLately = givenBytes - this.#lookedAtBytes;
    this.#lookedMs = nowMs;
    this.#lookedAtBytes = givenBytes;
    if (usedBytes > quietBytes || givenLately > quietGivenBytes) return;
    const bufferBytes = process.memoryUsage().arrayBuffers;
    this.#keptBytes = Math.min(bufferBytes, this.#keptBytes ?? bufferBytes);
    if (Math.min(givenBytes - this.#collectedAtBytes, bufferBytes - this.#keptBytes) >= worthBytes) {
      this.#collectedAtBytes = givenBytes;
      this.#left = collections;
    }
    if (this.#left === 0) return;
    this.#left -= 1;
    this.#keptBytes = undefined;
    this.slabs.clear();
    this.#collect ??= collector();
    this.#collect();
  }
}

function collector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}
