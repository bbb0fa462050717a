import { isUtf8 } from 'node:buffer';
import type { TokenOfBytes } from './merge.js';

/** Text, or the bytes where they are no UTF-8, of every ordinary token by id; ids that are not used are holes. */
export type Ranks = readonly (string | readonly number[] | undefined)[];

const mark = '\u00ef\u00bb\u00bf'; // a byte order mark's bytes

/** The tokens of an encoding by text and by bytes. */
export class Vocabulary {
  readonly #byText = new Map<string, number>();
  /** Keyed by bytes as latin1. Made when a piece has to be merged: most are tokens as they are. */
  #byBytes: Map<string, number> | undefined;
  #bytesMax = 0;

  constructor(readonly ranks: Ranks) {
    for (const [id, token] of ranks.entries()) if (typeof token === 'string') this.#byText.set(token, id);
  }

  ofText(text: string): number | undefined {
    return this.#byText.get(text);
  }

  /**
   * Ids must be those of gpt-tokenizer, which decodes bytes that are UTF-8 before it looks them up, and thereby
   * drops a byte order mark at their beginning.
   */
  readonly ofBytes: TokenOfBytes = (bytes) => {
    this.#byBytes ??= this.#index();
    if (bytes.length > this.#bytesMax) return undefined;
    if (!bytes.startsWith(mark) || !isUtf8(Buffer.from(bytes, 'latin1'))) return this.#byBytes.get(bytes);
    return this.#byText.get(Buffer.from(bytes.slice(mark.length), 'latin1').toString());
  };

  #index(): Map<string, number> {
    const byBytes = new Map<string, number>();
    for (const [id, token] of this.ranks.entries()) {
      if (token === undefined) continue;
      const utf8 = typeof token === 'string' ? Buffer.from(token) : Buffer.from(token);
      if (typeof token !== 'string' && isUtf8(utf8)) continue; // never found by gpt-tokenizer
      const bytes = latin1(utf8);
      this.#bytesMax = Math.max(this.#bytesMax, bytes.length + mark.length);
      byBytes.set(bytes, id);
    }
    return byBytes;
  }
}

/** One character a byte. */
export function latin1(bytes: Buffer): string {
  return bytes.toString('latin1');
}
