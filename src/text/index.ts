export { createTokenizers, type TokenizerPoolOptions } from './pool.js';
export type { DecodedText, Tokenizers, WordsToDecode } from './tokenizers.js';
