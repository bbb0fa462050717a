export { createCodec, type Codec } from './codec.js';
export { createLiveCodec, type LiveCodec } from './codec.js';
export { undefinedIfCorruptFrame } from './codec.js';
export { frameRegistryId, readHead } from './frame.js';
export { registryIdOf, type TokenForm } from './registry.js';
export { createRewriter, type Rewriter } from './rewriter.js';
export { trainRegistry, type TrainRegistryOptions } from './trainer.js';
export { trainHere, type TrainingOptions } from './training.js';
export { createSegmenter, segmentSizes, type SegmentSizes, type Segmenter } from './segmenter.js';
