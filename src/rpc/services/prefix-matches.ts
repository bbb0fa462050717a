import type { PrefixMatch } from '../../vault/index.js';
import { conversationFields } from '../responses.js';
import { MessageCodec } from '../wire/codec.js';
import { countFitting } from './list-page.js';

const codec = new MessageCodec('stowken.v1.FindPrefixResponse');

/** As many matches, from the first, as an ordinary client takes. */
export function encodeMatches(matches: readonly PrefixMatch[]): Buffer {
  const fitting = countFitting(matches.map(({ conversation }) => conversation));
  return codec.encode({
    matches: matches.slice(0, fitting).map(({ conversation, sharedTokens }) => ({
      conversation: conversationFields(conversation),
      shared_tokens: sharedTokens,
    })),
  });
}
