import type { ReadRow } from './dataset-readers.js';

export interface Stored {
  readonly id: string;
  readonly messages: readonly { readonly role: string; readonly tokens: readonly number[] }[];
}

/** Conversations of every length that a width of sizes changes at, and ids up to the largest of an int32. */
export const tokenConversations: readonly Stored[] = [
  ...[1, 2, 255, 256, 257, 65_536, 1, 3].map((length, number) => ({
    id: `größe ${number}/${length}`,
    messages: [
      { role: 'user', tokens: Array.from({ length }, (_, at) => (at * 7919 + number) % 65_500) },
      ...(number % 2 === 1 ? [{ role: 'assistant', tokens: [] }] : []),
      { role: 'assistant', tokens: [number] },
    ],
  })),
  { id: 'ein "Zitat"\n', messages: [{ role: 'assistant', tokens: [65_499, 0, 7] }] },
];
export const large: Stored = { id: 'large', messages: [{ role: 'user', tokens: [2 ** 31 - 1, 70_000] }] };
export const tooLarge: Stored = { id: 'too large', messages: [{ role: 'user', tokens: [2 ** 31, 5] }] };
export const empty: Stored = { id: 'empty', messages: [{ role: 'user', tokens: [] }] };

export const tokensOf = ({ messages }: Stored) => messages.flatMap(({ tokens }) => tokens);
export const maskOf = ({ messages }: Stored) =>
  messages.flatMap(({ role, tokens }) => tokens.map(() => (role === 'assistant' ? 1 : 0)));
export const rowsOf = (conversations: readonly Stored[]): ReadRow[] =>
  conversations.map((conversation) => ({
    id: conversation.id,
    tokens: tokensOf(conversation),
    mask: maskOf(conversation),
  }));
export const wide = [...tokenConversations, large].map((stored) => ({ ...stored, id: `w ${stored.id}` }));
