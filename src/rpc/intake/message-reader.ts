import { limits, StowkenError } from '../../model/index.js';
import type { ArrivalTurn } from './arrivals.js';
import { encodings, type Encoding, type Expansion, type Inflater } from './inflate.js';
import { chargeFor, type Payment } from './payment.js';
import { type Gathered, Gatherer, type GatheringSlabs, lean } from './slabs.js';

const headBytes = 5;

/** Dependencies shared by all readers of a server. */
export interface ReaderParts {
  readonly slabs: GatheringSlabs;
  readonly inflater: Inflater;
}

/** Limits of a message's size. */
export interface MessageSize {
  readonly sizeMax: number;
  /** @throws StowkenError for a message of more than sizeMax bytes */
  readonly checkSize: (bytes: number) => void;
  /** True if nothing uses a message's bytes after its release, so that their memory is used again. */
  readonly reused: boolean;
}

/** Owner of a reader. */
export interface ReaderOwner {
  /**
   * Reports that an uncompressed message begins, with those of its first bytes that came with its head.
   * Nothing of it is kept or charged yet. @throws StowkenError if it is refused
   */
  begin(start: Buffer): void;
  /**
   * Delivers a whole message with its charge, which belongs to the owner from now on; so does the place of a
   * large one, which `leave` gives to the next.
   */
  deliver(message: Gathered, chargedBytes: number, leave: (() => void) | undefined): void;
  /** Reports that the reader has failed while it was busy. */
  refuse(error: unknown): void;
  /** Reports that the reader is no longer busy. */
  proceed(): void;
}

/**
 * Parses the messages of one stream: the head of five bytes, payment, the bytes, expansion. Invariants:
 * - No byte of a message is kept before its whole possible cost has been taken from the budget. For a
 *   compressed message the cost is first estimated. If it expands beyond the estimate, nothing is kept, its
 *   size is determined, the rest is paid, and it is expanded once more.
 * - A large message is paid and arrives after it had its turn.
 * - Kept bytes are a copy, or fill a fair part of the memory that they keep alive.
 * - While it is busy, it waits for its turn or for room, or expands, and `take` must not be called.
 */
export class MessageReader {
  #head: Buffer | undefined;
  #headLength = 0;
  #length = 0;
  #compressed = false;
  /** True if the message under way is paid for; then its bytes are taken. */
  #paid = false;
  #body: Gatherer | undefined;
  #stopExpanding: (() => void) | undefined;
  #startedMs: number | undefined;

  constructor(
    private readonly parts: ReaderParts,
    private readonly payment: Payment,
    private readonly turn: ArrivalTurn,
    private readonly size: MessageSize,
    /** Value of the header grpc-encoding. */
    private readonly encoding: string | undefined,
    private readonly owner: ReaderOwner,
  ) {}

  get busy(): boolean {
    return this.turn.waiting || this.payment.waiting || this.#stopExpanding !== undefined;
  }

  /** True if a message has begun and not ended. */
  get underWay(): boolean {
    return this.#headLength > 0;
  }

  /**
   * Returns the time by which the message under way must be complete, at the minimum rate; its clock starts
   * at the first call.
   */
  dueMs(nowMs: number): number {
    if (!this.#paid) return Infinity;
    this.#startedMs ??= nowMs;
    return this.#startedMs + (this.#length / limits.requestBytesPerSecondMin) * 1000;
  }

  /** Returns the bytes of the message under way that have arrived, and its size. */
  get progress(): { readonly came: number; readonly of: number } {
    return { came: this.#body?.length ?? 0, of: this.#length };
  }

  /** Takes bytes, of one message at most; returns how many. @throws StowkenError */
  take(chunk: Buffer): number {
    let at = 0;
    if (!this.#paid) {
      at = this.#takeHead(chunk);
      if (this.#headLength < headBytes) return at;
      if (!this.#compressed) this.owner.begin(chunk.subarray(at));
      if (!this.#begin()) return at;
    }
    return at + this.#takeBody(at === 0 ? chunk : chunk.subarray(at));
  }

  /** Releases everything it holds; nothing may be called afterwards. */
  stop(): void {
    this.turn.end();
    this.payment.stopWaiting();
    this.#stopExpanding?.();
    this.#stopExpanding = undefined;
    this.#body?.discard();
    this.#body = undefined;
    this.payment.settle(0);
  }

  #takeHead(chunk: Buffer): number {
    if (this.#headLength === 0 && chunk.length >= headBytes) {
      this.#headLength = headBytes;
      this.#readHead(chunk);
      return headBytes;
    }
    this.#head ??= Buffer.allocUnsafe(headBytes);
    const copied = chunk.copy(this.#head, this.#headLength);
    this.#headLength += copied;
    if (this.#headLength === headBytes) this.#readHead(this.#head);
    return copied;
  }

  #readHead(head: Buffer): void {
    this.#length = head.readUInt32BE(1);
    this.#compressed = head[0] !== 0;
    if (this.#compressed) checkCompression(head[0]!, this.encoding);
    this.size.checkSize(this.#length);
  }

  /** Returns whether the message may arrive now; if not, `proceed` or `refuse` follows. */
  #begin(): boolean {
    if (this.#length < limits.largeRequestBytesMin) return this.#payFirst();
    const entered = (): void => {
      try {
        if (this.#payFirst()) this.owner.proceed();
      } catch (error) {
        this.owner.refuse(error);
      }
    };
    this.turn.begin(this.#length, entered, (error) => this.owner.refuse(error));
    return false;
  }

  #payFirst(): boolean {
    const cost = this.#compressed ? this.#length + chargeFor(this.#guess()) : chargeFor(this.#length);
    this.#startedMs = undefined;
    this.#paid = this.payment.payNow(cost);
    if (this.#paid) return true;
    const paid = (): void => {
      this.#paid = true;
      this.owner.proceed();
    };
    this.payment.payLater(cost, paid, (error) => this.owner.refuse(error));
    return false;
  }

  #takeBody(chunk: Buffer): number {
    const missing = this.#length - (this.#body?.length ?? 0);
    const bytes = chunk.length > missing ? chunk.subarray(0, missing) : chunk;
    if (bytes.length === missing && this.#body === undefined) {
      this.#complete({ bytes: lean(bytes), release: undefined });
      return missing;
    }
    if (bytes.length === 0) return 0;
    this.#body ??= new Gatherer(this.parts.slabs, this.#length, this.size.reused && !this.#compressed);
    this.#body.add(bytes);
    if (bytes.length === missing) {
      const whole = this.#body.finish();
      this.#body = undefined;
      this.#complete(whole);
    }
    return bytes.length;
  }

  #complete(message: Gathered): void {
    this.turn.arrived();
    this.#headLength = 0;
    this.#paid = false;
    if (this.#compressed) this.#expand(message.bytes, this.#guess());
    else this.#deliver(message);
  }

  #deliver(message: Gathered): void {
    const charged = chargeFor(message.bytes.length);
    this.payment.settle(charged);
    this.owner.deliver(message, charged, this.turn.handOver());
  }

  /** Returns the size that a compressed message is assumed to have at most, until it exceeds it. */
  #guess(): number {
    const { expansionGuessTimes, expansionGuessBytesMax } = limits;
    return Math.min(this.#length * expansionGuessTimes, expansionGuessBytesMax, this.size.sizeMax);
  }

  #expand(compressed: Buffer, keepMax: number): void {
    const sizes = { sizeMax: this.size.sizeMax, keepMax };
    this.#stopExpanding = this.parts.inflater.expand(
      compressed,
      this.encoding as Encoding,
      sizes,
      (result) => {
        this.#stopExpanding = undefined;
        try {
          if (result instanceof StowkenError) throw result;
          this.#expanded(compressed, keepMax, result);
        } catch (error) {
          this.owner.refuse(error);
        }
      },
    );
  }

  #expanded(compressed: Buffer, kept: number, { size, bytes }: Expansion): void {
    if (bytes !== undefined) {
      this.#deliver({ bytes, release: undefined });
      this.owner.proceed();
      return;
    }
    const again = (): void => this.#expand(compressed, size);
    const more = chargeFor(size) - chargeFor(kept);
    if (this.payment.payNow(more)) again();
    else this.payment.payLater(more, again, (error) => this.owner.refuse(error));
  }
}

/** @throws StowkenError as the gRPC specification demands */
function checkCompression(flag: number, encoding: string | undefined): void {
  if (flag !== 1) {
    throw malformed(`a message of the request begins with a compressed flag of ${flag}; it is 0 or 1`);
  }
  if (encoding === undefined || encoding === 'identity') {
    throw malformed('a message of the request is flagged as compressed, and grpc-encoding names no encoding');
  }
  if ((encodings as readonly string[]).includes(encoding)) return;
  const known = encodings.join(', ');
  throw new StowkenError(
    'UNKNOWN_ENCODING',
    `the request is compressed with ${JSON.stringify(encoding)}; the server knows ${known}`,
    { encoding, known },
  );
}

export function malformed(message: string): StowkenError {
  return new StowkenError('MALFORMED_CALL', message);
}
