import { limits } from '../../model/index.js';

/**
 * Reads a tiktoken rank file: a token in base64 and its rank a line. Returns the tokens by rank; undefined if
 * the file has other lines.
 */
export function readRankFile(text: string): (Uint8Array | undefined)[] | undefined {
  const tokens: (Uint8Array | undefined)[] = [];
  for (const line of text.split(/\r?\n/)) {
    if (line === '') continue;
    const [, token, digits] = /^([A-Za-z0-9+/]+={0,2}) (\d{1,7})$/.exec(line) ?? [];
    const rank = Number(digits);
    if (token === undefined || rank >= limits.vocabularyTokensMax || tokens[rank] !== undefined)
      return undefined;
    tokens[rank] = Buffer.from(token, 'base64');
  }
  return Array.from(tokens);
}
