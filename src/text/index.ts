export { createTokenizers, type TokenizerPoolOptions } from './pool.js';
export type { DecodedText, Tokenizers, TokensToDecode } from './tokenizers.js';
