export { asReceived, type GivenTokenizer, readTokenizer, toSend } from './files/read-tokenizer.js';
export { type ChatTemplate, type ChatTemplateFile, openChatTemplate } from './chat/chat-template.js';
export { renderFailed } from './chat/renderer.js';
export type { Rendered, TemplateInput } from './chat/render-template.js';
export type { VocabularyFile } from './load-encoding.js';
export { isVocabularyOf } from './vocabulary.js';
export { keptNumber, parseForPython } from './chat/python-numbers.js';
export { MappedBytes } from './mapped-bytes.js';
export type { JoinedSegments, ShingleCounts, ShingleTarget } from './compare-shingles.js';
export { hashShingle, ShingleSet, shingleTokens } from './shingles.js';
export { createTokenizers, type TokenizerPoolOptions } from './pool.js';
export type {
  DecodedText,
  DecodeOptions,
  EncodeOptions,
  EncodedLe32,
  TokenizerPool,
  Tokenizers,
  TokensToDecode,
} from './tokenizers.js';
export { type CaseVariants, caseVariants, foldCase, noVariants } from './fold-case.js';
export type { TokenSpellings } from './spellings.js';
export { unknownTokenizer } from './unknown-tokenizer.js';
