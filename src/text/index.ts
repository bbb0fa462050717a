export { MappedBytes } from './mapped-bytes.js';
export { createTokenizers, type TokenizerPoolOptions } from './pool.js';
export type { DecodedText, EncodedLe32, Tokenizers, TokensToDecode } from './tokenizers.js';
