import { makeConversations } from '../../src/cli/demo/conversations.js';
import { type Json, readDocument } from '../../src/cli/import/shapes/index.js';
import { NewIds } from '../../src/cli/import/new-ids.js';
import { toStoreRequest } from '../../src/cli/import/to-store.js';
import { encodeCorpus, type Corpus } from './corpus.js';

/** Corpus for runs without --corpus: agents' conversations that the project generates. */
export function generatedCorpus(): Promise<Corpus> {
  const defaults = { application: 'generated', tokenizer: 'o200k_base', newId: new NewIds().next };
  return encodeCorpus(
    'generated agents',
    makeConversations(1).map((each) => {
      const json = JSON.stringify(each);
      return toStoreRequest(readDocument(JSON.parse(json) as Json, json, {}), defaults).request;
    }),
  );
}
