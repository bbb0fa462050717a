import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { ByteBudget } from './budget.js';
import type { Slabs } from './slabs.js';

/** Bytes given back that are worth a collection, and those in use below which the server is taken to be quiet. */
const worthBytes = 64 * 1024 * 1024;
const quietBytes = 16 * 1024 * 1024;
/** The least time between two collections: each stops the process for some ten milliseconds. */
const pauseMs = 5000;

/**
 * Returns memory to the system after large requests. Whole messages are buffers that only the garbage collector
 * frees, and a server that has become quiet allocates nothing that would make it run. So when much was given
 * back and little is in use, it is run once.
 */
export class Reclaim {
  #collect: (() => void) | undefined;
  #collectedAtBytes = 0;
  #collectedMs = 0;

  constructor(
    private readonly budget: ByteBudget,
    private readonly slabs: Slabs,
  ) {}

  look(nowMs: number): void {
    const { givenBytes, usedBytes } = this.budget;
    if (givenBytes - this.#collectedAtBytes < worthBytes || usedBytes > quietBytes) return;
    if (nowMs - this.#collectedMs < pauseMs) return;
    this.#collectedAtBytes = givenBytes;
    this.#collectedMs = nowMs;
    this.slabs.clear();
    this.#collect ??= collector();
    this.#collect();
  }
}

function collector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}
