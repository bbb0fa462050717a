import { memoryUsage } from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { ByteBudget } from './budget.js';
import type { GatheringSlabs } from './slabs.js';

/** Bytes returned, and growth of memory in bytes, from which on a collection is worthwhile. */
const worthBytes = 64 * 1024 * 1024;
const grownBytes = 128 * 1024 * 1024;
/** Bytes in use, and bytes returned since the last look, up to which the server counts as quiet. */
const quietBytes = 16 * 1024 * 1024;
/**
 * Minimum interval between two looks. A collection stops the process for 10 to 100 ms, and code that was compiled
 * for objects that are gone is compiled a second time.
 */
const pauseMs = 2000;
/** Collections after much was returned: a call that has just ended may keep something for a moment. */
const collections = 2;

/**
 * Returns memory to the system after large requests. Whole messages are buffers that only the garbage
 * collector frees, and a quiet server allocates nothing that would start it. So when many bytes were returned,
 * the server is quiet and memory has grown since it was last small, it is started, and once more a little later.
 * A busy server starts it by itself.
 */
export class Reclaim {
  #collect: (() => void) | undefined;
  #collectedAtBytes = 0;
  #lookedMs = 0;
  #lookedAtBytes = 0;
  #left = 0;
  /** Least memory seen since the last collection, in bytes. */
  #floorBytes = bytesHeld();

  constructor(
    private readonly budget: ByteBudget,
    private readonly slabs: GatheringSlabs,
  ) {}

  look(nowMs: number): void {
    const { givenBytes, usedBytes } = this.budget;
    if (nowMs - this.#lookedMs < pauseMs) return;
    const givenLately = givenBytes - this.#lookedAtBytes;
    this.#lookedMs = nowMs;
    this.#lookedAtBytes = givenBytes;
    if (usedBytes > quietBytes || givenLately > quietBytes) return;
    if (this.#left === 0 && givenBytes - this.#collectedAtBytes < worthBytes) return;
    this.slabs.clear();
    const held = bytesHeld();
    this.#floorBytes = Math.min(this.#floorBytes, held);
    if (this.#left === 0) {
      if (held - this.#floorBytes < Math.max(grownBytes, this.#floorBytes / 2)) return;
      this.#left = collections;
    }
    this.#left -= 1;
    this.#collectedAtBytes = givenBytes;
    this.#collect ??= collector();
    this.#collect();
    this.#floorBytes = bytesHeld();
  }
}

/** Returns the bytes of objects and buffers, with those that wait for the garbage collector. */
function bytesHeld(): number {
  const { heapUsed, external } = memoryUsage();
  return heapUsed + external;
}

function collector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}
