export { BlockFingerprints, openBlockOf } from './block-fingerprints.js';
export { findPrefix } from './find-prefix.js';
export { isIndexed, newFingerprints, prefixOf, type PrefixIndexParts } from './block-fingerprints.js';
