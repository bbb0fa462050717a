import { hash } from 'node:crypto';
import { type Conversation, isStowkenError, limits, type TokenRun } from '../../model/index.js';
import { prefixFingerprintBytes, type StorageBackend } from '../../storage/index.js';
import { yieldToEventLoop, throwIfAborted } from '../event-loop.js';
import { retrieveConversation, type RetrieveParts } from '../read/retrieve.js';

const VARINT_BYTES_MAX = 5;

/**
 * Names the whole blocks of a conversation's tokens, while they come in: each by the beginning of a SHA-256 over
 * the vault's id and the block's canonical varints. No other vault's names tell anything about this one's.
 */
export class BlockFingerprints {
  readonly #done: Buffer[] = [];
  /** The vault's id, then the varints of the block that is not whole yet. */
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

  /** The next tokens, wherever messages and segments have their borders. */
  push({ varints, tokenCount }: Pick<TokenRun, 'varints'> & Partial<TokenRun>): void {
    if (tokenCount !== undefined && this.#tokens + tokenCount < limits.prefixBlockTokens) {
      this.#add(varints);
      this.#tokens += tokenCount;
      return;
    }
    const view = new DataView(varints.buffer, varints.byteOffset, varints.length);
    for (let at = 0; at < varints.length;) {
      const end = this.#count(view, at);
      this.#add(varints.subarray(at, end));
      if (this.#tokens === limits.prefixBlockTokens) this.#finish();
      at = end;
    }
  }

  /** The same of any number of tokens, in turns with other work. */
  async pushInTurns({ varints }: Pick<TokenRun, 'varints'>, signal: AbortSignal): Promise<void> {
    for (let at = 0; at < varints.length; at += limits.turnTokensMax) {
      this.push({ varints: varints.subarray(at, at + limits.turnTokensMax) });
      await yieldToEventLoop();
      throwIfAborted(signal);
    }
  }

  /** The fingerprints of the blocks that are whole so far, one after the other. */
  blocks(): Uint8Array {
    return Buffer.concat(this.#done);
  }

  /** Counts tokens from an offset on, until the block is whole; returns where they end. */
  #count(varints: DataView, start: number): number {
    let missing = limits.prefixBlockTokens - this.#tokens;
    let at = start;
    // Four bytes at once, as long as they cannot be more than is missing: one bit for each that ends no token.
    for (; missing > 4 && at + 4 <= varints.byteLength; at += 4) {
      const continued = (varints.getUint32(at) >>> 7) & 0x0101_0101;
      missing -= 4 - (Math.imul(continued, 0x0101_0101) >>> 24);
    }
    for (; missing > 0 && at < varints.byteLength; at++) if (varints.getUint8(at) < 0x80) missing -= 1;
    this.#tokens = limits.prefixBlockTokens - missing;
    return at;
  }

  #add(varints: Uint8Array): void {
    this.#block.set(varints, this.#blockBytes);
    this.#blockBytes += varints.length;
  }

  #finish(): void {
    const whole = hash('sha256', this.#block.subarray(0, this.#blockBytes), 'buffer');
    this.#done.push(whole.subarray(0, prefixFingerprintBytes));
    this.#blockBytes = this.#saltBytes;
    this.#tokens = 0;
  }
}

export interface PrefixIndexParts {
  readonly backend: Pick<StorageBackend, 'vaultId' | 'findPrefix'>;
  /** Whether conversations that are stored are entered in the prefix index; they are unless this is false. */
  readonly prefixIndex?: boolean | undefined;
}

/** Whether what is stored is entered in the prefix index. */
export function isIndexed({ backend, prefixIndex = true }: PrefixIndexParts): boolean {
  return prefixIndex && backend.findPrefix !== undefined;
}

/** What names a conversation's blocks from its first token on; undefined where nothing is entered. */
export function newFingerprints(parts: PrefixIndexParts): BlockFingerprints | undefined {
  return isIndexed(parts) ? new BlockFingerprints(parts.backend.vaultId) : undefined;
}

/** As a put has them. */
export function prefixOf(fingerprints: BlockFingerprints | undefined): { readonly prefix?: Uint8Array } {
  return fingerprints ? { prefix: fingerprints.blocks() } : {};
}

/** Blocks that go on where a conversation ends. */
export interface OpenBlock {
  readonly afterTokens: number;
  readonly fingerprints: BlockFingerprints;
}

/** Reads the tokens after the last whole block; undefined when there is no such conversation. */
export async function openBlockOf(
  parts: RetrieveParts,
  id: string,
  signal: AbortSignal,
): Promise<OpenBlock | undefined> {
  for (;;) {
    const conversation = await parts.backend.getConversation(id);
    if (conversation === undefined) return undefined;
    try {
      return await readOpenBlock(parts, conversation, signal);
    } catch (error) {
      // What is damaged can be appended to all the same, and is found by what comes before.
      if (isStowkenError(error, 'CORRUPT_SEGMENT') || isStowkenError(error, 'CORRUPT_STORE'))
        return undefined;
      // It was changed, or deleted, between the two looks: look again.
      if (!isStowkenError(error, 'REVISION_MISMATCH') && !isStowkenError(error, 'CONVERSATION_NOT_FOUND'))
        throw error;
    }
  }
}

async function readOpenBlock(
  parts: RetrieveParts,
  { id, revision, totalTokens }: Conversation,
  signal: AbortSignal,
): Promise<OpenBlock> {
  const fingerprints = new BlockFingerprints(parts.backend.vaultId);
  const open = totalTokens % limits.prefixBlockTokens;
  if (open > 0) {
    const range = { tokenOffset: totalTokens - open, ifRevision: revision };
    for await (const batch of retrieveConversation(parts, { id, encoding: 'tokens', ...range }, signal)) {
      for (const part of batch) {
        if (part.kind === 'header' || part.content?.kind !== 'varints') continue;
        fingerprints.push({ varints: part.content.bytes });
      }
    }
  }
  return { afterTokens: totalTokens, fingerprints };
}
