import { createRequire } from 'node:module';

/** Parts of the package `tokenizers`, Hugging Face's own, that are used here. */
export interface LibraryTokenizer {
  encode(text: string, pair: null, options: { addSpecialTokens: boolean }): Promise<{ getIds(): number[] }>;
  tokenToId(token: string): number | null;
  getDecoder(): { decode(tokens: string[]): string } | null;
}

export interface Library {
  readonly Tokenizer: { fromString(json: string): LibraryTokenizer };
}

/** Words that say how to get the package. */
export const libraryWanted = 'the package tokenizers beside the server (npm install tokenizers@0.23)';

/** Error for a text that only the package encodes, which is not there. */
export class NoLibrary extends Error {}

/** Loads the package, which is installed only by those who want it; undefined if it is not there. */
export function loadLibrary(): Library | undefined {
  try {
    return createRequire(import.meta.url)('tokenizers') as Library;
  } catch {
    return undefined;
  }
}
