import type { BenchConversation, Corpus } from '../lib/corpus.js';

const longMessages = 8;
const longMessageBytes = 2 * 1024 * 1024;
/** Turns that are logged as calls, of each conversation. */
const callsMax = 16;

/** The calls behind a corpus, as a log of requests has them: each repeats the history before it. */
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

/** All tokens of a corpus, over and over, as one conversation of few and long messages. */
export function longConversation({ name, conversations }: Corpus): Corpus {
  const all = conversations.flatMap(({ messages }) => messages.map(({ words }) => words));
  const words = Buffer.concat(all).subarray(0, longMessageBytes);
  const messages = Array.from({ length: longMessages }, (_, i) => {
    // Each begins with a token of its own, so that no message is another's duplicate.
    const parts = [Uint32Array.of(i), words];
    const bytes = parts.map((part) => Buffer.from(part.buffer, part.byteOffset, part.byteLength));
    return { role: 'user', name: '', toolCallId: '', words: Buffer.concat(bytes) };
  });
  return {
    name: `${name} as one long conversation`,
    conversations: [{ id: 'long', application: 'bench', model: '', tokenizer: 'o200k_base', messages }],
  };
}
