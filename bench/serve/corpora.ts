import type { BenchConversation, Corpus } from '../lib/corpus.js';

const longMessages = 8;
const longMessageBytes = 2 * 1024 * 1024;
/** Limit of a conversation's turns that are logged as calls. */
const callsMax = 16;

/** Returns the calls behind a corpus, as in a log of requests: each repeats the history before it. */
export function callsOf({ name, conversations }: Corpus): Corpus {
  return {
    name: `${name} as a log of calls`,
    conversations: conversations.flatMap((conversation): BenchConversation[] => {
      const { id, messages } = conversation;
      const ends = messages.flatMap(({ role }, index) => (role === 'assistant' ? [index + 1] : []));
      return ends.slice(0, callsMax).map((end) => {
        return { ...conversation, id: `${id}/call-${end}`, messages: messages.slice(0, end) };
      });
    }),
  };
}

/** Returns all tokens of a corpus, repeated, as one conversation of few and long messages. */
export function longConversation({ name, conversations }: Corpus): Corpus {
  const all = conversations.flatMap(({ messages }) => messages.map(({ words }) => words));
  const words = Buffer.concat(all).subarray(0, longMessageBytes);
  const messages = Array.from({ length: longMessages }, (_, i) => {
    // Each begins with a different token, so that no message duplicates another.
    const parts = [Uint32Array.of(i), words];
    const bytes = parts.map((part) => Buffer.from(part.buffer, part.byteOffset, part.byteLength));
    return { role: 'user', name: '', toolCallId: '', words: Buffer.concat(bytes) };
  });
  return {
    name: `${name} as one long conversation`,
    conversations: [{ id: 'long', application: 'bench', model: '', tokenizer: 'o200k_base', messages }],
  };
}
