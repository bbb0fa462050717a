import { createHash, type Hash } from 'node:crypto';
import { limits, type TokenRun } from '../../model/index.js';
import { breathe, throwIfAborted } from '../turns.js';
import { prefixFingerprintBytes } from '../../storage/index.js';

/**
 * Names the whole blocks of a conversation's tokens, while they come in: each by the beginning of a SHA-256 over
 * the vault's id and the block's canonical varints. No other vault's names tell anything about this one's.
 */
export class BlockFingerprints {
  readonly #salt: Buffer;
  readonly #done: Buffer[] = [];
  #hash: Hash;
  /** Tokens of the block that is not whole yet. */
  #tokens = 0;

  constructor(vaultId: string) {
    this.#salt = Buffer.from(vaultId, 'hex');
    this.#hash = this.#begin();
  }

  /** The next tokens, wherever messages and segments have their borders. */
  push({ varints }: Pick<TokenRun, 'varints'>): void {
    let start = 0;
    for (let at = 0; at < varints.length; at++) {
      if (varints[at]! >= 0x80) continue;
      this.#tokens += 1;
      if (this.#tokens < limits.prefixBlockTokens) continue;
      this.#hash.update(varints.subarray(start, at + 1));
      this.#done.push(this.#hash.digest().subarray(0, prefixFingerprintBytes));
      this.#hash = this.#begin();
      this.#tokens = 0;
      start = at + 1;
    }
    this.#hash.update(varints.subarray(start));
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

  #begin(): Hash {
    return createHash('sha256').update(this.#salt);
  }
}
