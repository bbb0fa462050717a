export { asReceived, type GivenTokenizer, readTokenizer, toSend } from './files/read-tokenizer.js';
export type { VocabularyFile } from './load-encoding.js';
export { MappedBytes } from './mapped-bytes.js';
export { createTokenizers, type TokenizerPoolOptions } from './pool.js';
export type { DecodedText, EncodedLe32, TokenizerPool, Tokenizers, TokensToDecode } from './tokenizers.js';
