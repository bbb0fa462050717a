import { makeConversations } from '../../src/cli/index.js';
import { encodeCorpus, type Corpus } from './corpus.js';

/** What is measured when no --corpus is named: agents' runs that the project makes itself. */
export function generatedCorpus(): Promise<Corpus> {
  return encodeCorpus('generated agents', makeConversations(1));
}
