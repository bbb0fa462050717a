import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { ByteBudget } from './budget.js';

/** Bytes of one slab. */
const slabBytes = 256 * 1024;
/**
 * Slabs of one arena: more bytes than the C library retains when they are freed (32 MiB). Only the written
 * part of an arena takes memory.
 */
const arenaSlabs = 160;

/** Memory of many slabs, freed as a whole. */
interface Arena {
  readonly free: Buffer[];
}

/** A part of an arena in which a message is gathered. */
export interface Slab {
  readonly arena: Arena;
  readonly bytes: Buffer;
}

/**
 * Blocks of memory in which long messages are gathered. They are reused at once, while a buffer for each
 * message would stay until the next garbage collection. Invariant: an arena is listed while a slab of it is
 * free or in use.
 */
export class Slabs {
  #arenas: Arena[] = [];

  take(): Slab {
    let arena = this.#arenas.find(({ free }) => free.length > 0);
    if (arena === undefined) this.#arenas.push((arena = createArena()));
    return { arena, bytes: arena.free.pop()! };
  }

  give(slabs: readonly Slab[]): void {
    for (const { arena, bytes } of slabs) arena.free.push(bytes);
  }

  /** Releases unused memory to the garbage collector. */
  clear(): void {
    this.#arenas = this.#arenas.filter(({ free }) => free.length < arenaSlabs);
  }
}

function createArena(): Arena {
  const memory = Buffer.allocUnsafeSlow(arenaSlabs * slabBytes);
  const free = Array.from({ length: arenaSlabs }, (_, index) =>
    memory.subarray(index * slabBytes, (index + 1) * slabBytes),
  );
  return { free: free.reverse() };
}

/** Gathers bytes by copying them: a chunk of a socket is a view of a whole read, and would keep it alive. */
export class Gatherer {
  #held: Slab[] = [];
  /** Exact memory for a message shorter than a slab. */
  readonly #short: Buffer | undefined;
  length = 0;

  /** `lengthMax`: limit of the bytes that will arrive. */
  constructor(
    private readonly slabs: Slabs,
    lengthMax: number,
  ) {
    this.#short = lengthMax <= slabBytes ? Buffer.allocUnsafeSlow(lengthMax) : undefined;
  }

  add(bytes: Buffer): void {
    if (this.#short !== undefined) {
      this.length += bytes.copy(this.#short, this.length);
      return;
    }
    for (let at = 0; at < bytes.length;) {
      const offset = this.length % slabBytes;
      if (offset === 0) this.#held.push(this.slabs.take());
      const copied = bytes.copy(this.#held.at(-1)!.bytes, offset, at);
      at += copied;
      this.length += copied;
    }
  }

  /** Returns the gathered bytes, in memory of their own; the gatherer is empty afterwards. */
  finish(): Buffer {
    if (this.#short !== undefined) return this.#short.subarray(0, this.length);
    const whole = Buffer.allocUnsafeSlow(this.length);
    this.#held.forEach(({ bytes }, index) => bytes.copy(whole, index * slabBytes));
    this.discard();
    return whole;
  }

  discard(): void {
    this.slabs.give(this.#held);
    this.#held = [];
    this.length = 0;
  }
}

/** Returns a chunk that keeps no more than four times its bytes alive, or little: itself, or a copy. */
export function lean(chunk: Buffer): Buffer {
  const { byteLength } = chunk.buffer;
  return byteLength <= 16 * 1024 || chunk.length * 4 >= byteLength ? chunk : Buffer.from(chunk);
}

/**
 * Bytes returned that make a collection worthwhile, and bytes in use below which the server counts as quiet.
 */
const worthBytes = 64 * 1024 * 1024;
const quietBytes = 16 * 1024 * 1024;
/** Minimum interval between two collections: each stops the process for about ten milliseconds. */
const pauseMs = 5000;

/**
 * Returns memory to the system after large requests. Whole messages are buffers that only the garbage
 * collector frees, and a quiet server allocates nothing that would start it. So when many bytes were returned
 * and few are in use, it is started once.
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
