export { createCodec, type Codec } from './codec.js';
