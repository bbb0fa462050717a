import { makeConversations, toStoreRequest } from '../../src/cli/index.js';
import { encodeCorpus, type Corpus } from './corpus.js';

/** What is measured when no --corpus is named: agents' runs that the project makes itself. */
export function generatedCorpus(): Promise<Corpus> {
  const defaults = { application: 'generated', tokenizer: 'o200k_base' };
  return encodeCorpus(
    'generated agents',
    makeConversations(1).map((each) => toStoreRequest({ ...each, messages: [...each.messages] }, defaults)),
  );
}
