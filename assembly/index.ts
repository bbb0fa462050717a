// What the host may call. Every length that it passes is checked on its side against the block it fills.
export {
  INPUT,
  INPUT_BYTES,
  OUTPUT,
  canonicalise,
  consumed,
  packWords,
  skip,
  tokenCount,
  unpackWords,
} from './varint';
export { measure, measured } from './measure';
