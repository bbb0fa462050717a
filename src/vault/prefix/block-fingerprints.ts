import { hash } from 'node:crypto';
import { isStowkenError, limits, type TokenRun } from '../../model/index.js';
import {
  type ConversationSnapshot,
  type ConversationState,
  prefixFingerprintBytes,
  type StorageBackend,
} from '../../storage/index.js';
import { yieldToEventLoop, throwIfAborted } from '../event-loop.js';
import { slicesInRange } from '../read/range.js';
import { readsFrames, type RetrieveParts, tokenChunks } from '../read/retrieve.js';

const VARINT_BYTES_MAX = 5;
/** Bytes of a page in which fingerprints are gathered. */
const PAGE_BYTES = 4096 * prefixFingerprintBytes;

/**
 * Computes the fingerprints of a conversation's whole blocks while its tokens arrive. A fingerprint is the
 * beginning of a SHA-256 over the vault's id and the block's canonical varints, so another vault's
 * fingerprints reveal nothing about this one's.
 */
export class BlockFingerprints {
  /** Fingerprints of whole blocks: an object for each would take many times their bytes. */
  readonly #full: Buffer[] = [];
  #page = Buffer.alloc(0);
  #pageBytes = 0;
  /** The vault's id, then the varints of the incomplete block. */
  readonly #block: Buffer;
  readonly #saltBytes: number;
  #blockBytes: number;
  #tokens = 0;

  constructor(vaultId: string) {
    const salt = Buffer.from(vaultId, 'hex');
    this.#block = Buffer.allocUnsafe(salt.length + limits.prefixBlockTokens * VARINT_BYTES_MAX);
    this.#block.set(salt);
    this.#saltBytes = salt.length;
    this.#blockBytes = salt.length;
  }

  /** Adds the next tokens; borders of messages and segments do not matter. */
  push({ varints, tokenCount }: Pick<TokenRun, 'varints'> & Partial<TokenRun>): void {
    if (tokenCount !== undefined && this.#tokens + tokenCount < limits.prefixBlockTokens) {
      this.#add(varints);
      this.#tokens += tokenCount;
      return;
    }
    const words = alignedWords(varints);
    for (let at = 0; at < varints.length;) {
      const end = this.#count(varints, words, at);
      this.#add(new Uint8Array(varints.buffer, varints.byteOffset + at, end - at));
      if (this.#tokens === limits.prefixBlockTokens) this.#finish();
      at = end;
    }
  }

  /** Adds any number of tokens, in turns with other work. */
  async pushInTurns({ varints }: Pick<TokenRun, 'varints'>, signal: AbortSignal): Promise<void> {
    for (let at = 0; at < varints.length; at += limits.turnTokensMax) {
      this.push({ varints: varints.subarray(at, at + limits.turnTokensMax) });
      await yieldToEventLoop();
      throwIfAborted(signal);
    }
  }

  /** Returns the fingerprints of the whole blocks so far, one after the other. */
  blocks(): Uint8Array {
    return Buffer.concat([...this.#full, this.#page.subarray(0, this.#pageBytes)]);
  }

  /** Memory that it holds, in bytes. */
  get heldBytes(): number {
    return this.#full.length * PAGE_BYTES + this.#pageBytes;
  }

  /** Counts tokens from an offset on until the block is complete; returns the offset of their end. */
  #count(varints: Uint8Array, { first, values }: AlignedWords, start: number): number {
    const end = varints.length;
    let missing = limits.prefixBlockTokens - this.#tokens;
    let at = start;
    // Each byte that does not end a token has its high bit set.
    for (; missing > 0 && at < end && (at - first) % 4 !== 0; at++) missing -= 1 - (varints[at]! >>> 7);
    // Looks at four bytes at once while they cannot be more than the missing tokens.
    for (let word = (at - first) / 4; missing > 4 && at + 4 <= end; word++, at += 4) {
      const continued = (values[word]! >>> 7) & 0x0101_0101;
      missing -= 4 - (Math.imul(continued, 0x0101_0101) >>> 24);
    }
    for (; missing > 0 && at < end; at++) missing -= 1 - (varints[at]! >>> 7);
    this.#tokens = limits.prefixBlockTokens - missing;
    return at;
  }

  #add(varints: Uint8Array): void {
    this.#block.set(varints, this.#blockBytes);
    this.#blockBytes += varints.length;
  }

  /** Most conversations have few blocks: the first page is small. */
  #turnPage(): void {
    if (this.#pageBytes === PAGE_BYTES) this.#full.push(this.#page);
    const bytes = this.#page.length === 0 ? 64 * prefixFingerprintBytes : PAGE_BYTES;
    const page = Buffer.allocUnsafe(bytes);
    this.#pageBytes = this.#pageBytes === PAGE_BYTES ? 0 : this.#page.copy(page);
    this.#page = page;
  }

  #finish(): void {
    const { buffer, byteOffset } = this.#block;
    // As a text, because making a buffer takes longer than hashing.
    const whole = hash('sha256', new Uint8Array(buffer, byteOffset, this.#blockBytes), 'hex');
    if (this.#pageBytes === this.#page.length) this.#turnPage();
    this.#pageBytes += this.#page.write(whole, this.#pageBytes, prefixFingerprintBytes, 'hex');
    this.#blockBytes = this.#saltBytes;
    this.#tokens = 0;
  }
}

/** The bytes of an array as words of four, from the index of the first one that is aligned in memory. */
interface AlignedWords {
  readonly first: number;
  readonly values: Readonly<Int32Array>;
}

const noWords: Readonly<Int32Array> = new Int32Array(0);

function alignedWords({ buffer, byteOffset, length }: Uint8Array): AlignedWords {
  const first = (4 - (byteOffset % 4)) % 4;
  if (length < first + 4) return { first, values: noWords };
  return { first, values: new Int32Array(buffer, byteOffset + first, (length - first) >> 2) };
}

export interface PrefixIndexParts {
  readonly backend: Pick<StorageBackend, 'vaultId' | 'findPrefix'>;
  /** Stored conversations are added to the prefix index unless this returns false. */
  readonly prefixIndex?: (() => boolean) | undefined;
}

/** True if stored conversations are added to the prefix index. */
export function isIndexed({ backend, prefixIndex }: PrefixIndexParts): boolean {
  return prefixIndex?.() !== false && backend.findPrefix !== undefined;
}

/** Creates the fingerprints of a conversation, from its first token on; undefined if it is not indexed. */
export function newFingerprints(parts: PrefixIndexParts): BlockFingerprints | undefined {
  return isIndexed(parts) ? new BlockFingerprints(parts.backend.vaultId) : undefined;
}

/** Returns the fingerprints as a field of a put. */
export function prefixOf(fingerprints: BlockFingerprints | undefined): { readonly prefix?: Uint8Array } {
  return fingerprints ? { prefix: fingerprints.blocks() } : {};
}

/** Fingerprints that continue at a conversation's end. */
export interface OpenBlock {
  readonly after: ConversationState;
  readonly fingerprints: BlockFingerprints;
}

/**
 * Reads the tokens after the last whole block, of one revision, with the conversation itself; undefined if
 * there is no such conversation.
 */
export async function openBlockOf(
  parts: RetrieveParts,
  id: string,
  signal: AbortSignal,
): Promise<OpenBlock | undefined> {
  const ahead = { tokens: limits.prefixBlockTokens, last: true } as const;
  try {
    const snapshot = await parts.backend.openConversation(id, ahead);
    if (!snapshot) return undefined;
    try {
      return await readOpenBlock(parts, snapshot, signal);
    } finally {
      snapshot.release();
    }
  } catch (error) {
    // A damaged conversation can still be appended to; the index finds it by its intact beginning.
    if (isStowkenError(error, 'CORRUPT_SEGMENT') || isStowkenError(error, 'CORRUPT_STORE')) return undefined;
    throw error;
  }
}

async function readOpenBlock(
  parts: RetrieveParts,
  snapshot: ConversationSnapshot,
  signal: AbortSignal,
): Promise<OpenBlock> {
  const fingerprints = new BlockFingerprints(parts.backend.vaultId);
  const { revision, storeTimeMs, updateTimeMs, totalTokens } = snapshot.conversation;
  const open = totalTokens % limits.prefixBlockTokens;
  if (open > 0) {
    const reading = { ...parts, backend: readsFrames(snapshot) ? snapshot : parts.backend };
    const slices = slicesInRange(snapshot, { tokenOffset: totalTokens - open });
    for await (const batch of tokenChunks(reading, slices, 'varints', signal, (chunk) => chunk))
      for (const { bytes } of batch) fingerprints.push({ varints: bytes });
  }
  return { after: { revision, storeTimeMs, updateTimeMs, totalTokens }, fingerprints };
}
