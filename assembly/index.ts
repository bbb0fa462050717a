// Exports for the host. The host checks every length that it passes against the block that it fills.
export {
  INPUT,
  INPUT_BYTES,
  OUTPUT,
  canonicalise,
  consumed,
  packLe32,
  skip,
  tokenCount,
  unpackLe32,
} from './varint';
export { registryId } from './registry/tables';
export {
  beginLoad,
  loadBytes,
  prepareEncoder,
  spellingCount,
  spellingsAt,
  textAt,
  textTokens,
} from './registry/index';
export { beginDecode, decode, decodeJobs, decoded, decodedBlocks } from './decoder/index';
export { beginEncode, encode, encoded } from './encoder/index';
export { appendSample, beginSample, endSegment } from './trainer/corpus';
export {
  beginParsing,
  beginTraining,
  buildRegistry,
  finishRegistry,
  mergePhrases,
  parseMore,
  registry,
} from './trainer/index';
export { CUTS, beginCuts, findCuts, uncutTokens } from './segmenter';
export { measure, measured } from './measure';
