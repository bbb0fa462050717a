import type { ConversationSpec } from '../../model/index.js';
import type { Tokenizers } from '../../text/index.js';

/**
 * Returns the spec of a conversation whose messages have text: its tokenizer, if it names none, is that of
 * its model. It stays without one if the model's is not known.
 */
export function withTokenizer(tokenizers: Tokenizers, spec: ConversationSpec): ConversationSpec {
  if (spec.tokenizer !== '') return spec;
  return { ...spec, tokenizer: tokenizers.ofModel(spec.model) ?? '' };
}
