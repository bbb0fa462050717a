// Exports for the host of the text core: byte-level byte-pair encoding. An instance serves one tokenizer.
export { mark, release, reserve } from '../memory';
export { setClasses } from './classes';
export { addPairs, beginPairs, countPairs, derivePairs, preparePairs } from './pairs';
export { setPattern } from './patterns';
export { prepareKept } from './pieces';
export { setVocabulary } from './vocabulary';
export { input, output, encodeWindow, isMade, longestPiece, reserveWindow, taken } from './encoder';
export { decodeTokens, done, isUnknown, prepareDecoder } from './decoder';
