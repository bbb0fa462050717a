import { hash } from 'node:crypto';
import { limits, type TokenRun } from '../../model/index.js';
import { breathe, throwIfAborted } from '../turns.js';
import { prefixFingerprintBytes } from '../../storage/index.js';

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
      this.#add(varints, tokenCount);
      return;
    }
    let start = 0;
    let tokens = 0;
    for (let at = 0; at < varints.length; at++) {
      if (varints[at]! >= 0x80) continue;
      tokens += 1;
      if (this.#tokens + tokens < limits.prefixBlockTokens) continue;
      this.#add(varints.subarray(start, at + 1), tokens);
      this.#finish();
      start = at + 1;
      tokens = 0;
    }
    this.#add(varints.subarray(start), tokens);
  }

  /** The same of any number of tokens, in turns with other work. */
  async pushInTurns({ varints }: Pick<TokenRun, 'varints'>, signal: AbortSignal): Promise<void> {
    for (let at = 0; at < varints.length; at += limits.turnTokensMax) {
      this.push({ varints: varints.subarray(at, at + limits.turnTokensMax) });
      await breathe();
      throwIfAborted(signal);
    }
  }

  /** The fingerprints of the blocks that are whole so far, one after the other. */
  blocks(): Uint8Array {
    return Buffer.concat(this.#done);
  }

  #add(varints: Uint8Array, tokens: number): void {
    this.#block.set(varints, this.#blockBytes);
    this.#blockBytes += varints.length;
    this.#tokens += tokens;
  }

  #finish(): void {
    const whole = hash('sha256', this.#block.subarray(0, this.#blockBytes), 'buffer');
    this.#done.push(whole.subarray(0, prefixFingerprintBytes));
    this.#blockBytes = this.#saltBytes;
    this.#tokens = 0;
  }
}
