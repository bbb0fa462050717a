import { limits } from '../../model/index.js';

/** Bytes of one slab in which a part of a message is gathered. */
const slabBytes = 256 * 1024;
/**
 * Bytes of one arena: more than the C library retains when they are freed (32 MiB). Only the written part of
 * an arena takes memory.
 */
const arenaBytes = 40 * 1024 * 1024;

/** Memory of many slabs, freed as a whole. */
interface Arena {
  readonly free: Buffer[];
}

/** A part of an arena in which a message, or a part of it, is gathered. */
export interface Slab {
  readonly arena: Arena;
  readonly bytes: Buffer;
}

/**
 * Blocks of memory in which long messages are gathered. They are reused at once, while a buffer for each
 * message would stay until the next garbage collection. Invariant: an arena is listed while a slab of it is
 * free or in use.
 */
class Slabs {
  #arenas: Arena[] = [];

  constructor(readonly slabBytes: number) {}

  take(): Slab {
    let arena = this.#arenas.find(({ free }) => free.length > 0);
    if (arena === undefined) this.#arenas.push((arena = createArena(this.slabBytes)));
    return { arena, bytes: arena.free.pop()! };
  }

  give(slabs: readonly Slab[]): void {
    for (const { arena, bytes } of slabs) arena.free.push(bytes);
  }

  /** Releases unused memory to the garbage collector. */
  clear(): void {
    this.#arenas = this.#arenas.filter(({ free }) => free.length < slabsIn(this.slabBytes));
  }
}

function createArena(bytes: number): Arena {
  const memory = Buffer.allocUnsafeSlow(arenaBytes);
  const free = Array.from({ length: slabsIn(bytes) }, (_, index) =>
    memory.subarray(index * bytes, (index + 1) * bytes),
  );
  return { free: free.reverse() };
}

function slabsIn(bytes: number): number {
  return Math.floor(arenaBytes / bytes);
}

/** Memory in which messages are gathered. */
export class GatheringSlabs {
  /** For messages that are copied out when they are whole. */
  readonly pieces = new Slabs(slabBytes);
  /** For messages that are used where they were gathered: parts of uploads. */
  readonly parts = new Slabs(limits.uploadPartBytesMax);

  /** Releases unused memory to the garbage collector. */
  clear(): void {
    this.pieces.clear();
    this.parts.clear();
  }
}

/** A whole message, and the function that returns its memory if that is reused. */
export interface Gathered {
  readonly bytes: Buffer;
  readonly release: (() => void) | undefined;
}

/**
 * True for messages that are gathered in memory of exactly their size: short ones, and large ones, which are
 * few at once and would otherwise be there twice while they are copied out.
 */
function isExact(bytes: number): boolean {
  return bytes <= slabBytes || bytes >= limits.largeRequestBytesMin;
}

/** Gathers bytes by copying them: a chunk of a socket is a view of a whole read, and would keep it alive. */
export class Gatherer {
  #held: Slab[] = [];
  readonly #slabs: Slabs;
  /** Memory of exactly the message's size. */
  readonly #exact: Buffer | undefined;
  length = 0;

  /**
   * `lengthMax`: limit of the bytes that will arrive. `inPlace`: true if the message is released by its user.
   */
  constructor(
    slabs: GatheringSlabs,
    lengthMax: number,
    private readonly inPlace = false,
  ) {
    this.inPlace &&= lengthMax <= slabs.parts.slabBytes;
    this.#slabs = this.inPlace ? slabs.parts : slabs.pieces;
    this.#exact = isExact(lengthMax) ? Buffer.allocUnsafeSlow(lengthMax) : undefined;
  }

  add(bytes: Buffer): void {
    if (this.#exact !== undefined) {
      this.length += bytes.copy(this.#exact, this.length);
      return;
    }
    const { slabBytes: size } = this.#slabs;
    for (let at = 0; at < bytes.length;) {
      const offset = this.length % size;
      if (offset === 0) this.#held.push(this.#slabs.take());
      const copied = bytes.copy(this.#held.at(-1)!.bytes, offset, at);
      at += copied;
      this.length += copied;
    }
  }

  /** Returns the gathered bytes; the gatherer is empty afterwards. */
  finish(): Gathered {
    if (this.#exact !== undefined) {
      return { bytes: this.#exact.subarray(0, this.length), release: undefined };
    }
    return this.inPlace ? this.#finishInPlace() : { bytes: this.#copyOut(), release: undefined };
  }

  discard(): void {
    this.#slabs.give(this.#held);
    this.#held = [];
    this.length = 0;
  }

  #copyOut(): Buffer {
    const whole = Buffer.allocUnsafeSlow(this.length);
    const { slabBytes: size } = this.#slabs;
    this.#held.forEach(({ bytes }, index) => bytes.copy(whole, index * size));
    this.discard();
    return whole;
  }

  #finishInPlace(): Gathered {
    const held = this.#held;
    const bytes = held[0]!.bytes.subarray(0, this.length);
    this.#held = [];
    this.length = 0;
    return { bytes, release: () => this.#slabs.give(held) };
  }
}

/** Returns a chunk that keeps no more than four times its bytes alive, or little: itself, or a copy. */
export function lean(chunk: Buffer): Buffer {
  const { byteLength } = chunk.buffer;
  return byteLength <= 16 * 1024 || chunk.length * 4 >= byteLength ? chunk : Buffer.from(chunk);
}
