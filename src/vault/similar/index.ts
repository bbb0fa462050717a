export {
  type Duplicate,
  type DuplicateGroup,
  type DuplicatesInput,
  type DuplicatesPart,
  findDuplicates,
} from './duplicates.js';
export { findSimilar } from './find-similar.js';
export type { SimilarInput, SimilarMatch, SimilarResult, SimilarTarget } from './matches.js';
