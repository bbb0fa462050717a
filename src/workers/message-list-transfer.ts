import type { MessageRecord } from '../model/index.js';
import { type Change, type MessageSequence, PackedMessages } from '../storage/index.js';

type Put = NonNullable<Change['put']>;

/** A piece of a long list of messages that a change will name. */
export interface ListPiece {
  readonly list: number;
  readonly blocks: readonly Uint8Array[];
}

/** A packed list of messages as it is sent: its last blocks, after those that were sent before. */
interface SentList extends ListPiece {
  readonly length: number;
}

/** A change as it is sent. */
export type SentChange = Omit<Change, 'put'> & {
  readonly put?: Omit<Put, 'messages'> & { readonly messages: readonly MessageRecord[] | SentList };
};

/** Blocks of a list in one message: all in one would exist several times while it is sent. */
const blocksMax = 4;

let lastList = 0;

/** Sends a long list of messages piece by piece. Returns the change with the rest of the list. */
export async function sendAhead(
  change: Change,
  send: (piece: ListPiece) => Promise<void>,
): Promise<SentChange> {
  const { put, ...rest } = change;
  if (put === undefined) return rest;
  const { messages } = put;
  if (!(messages instanceof PackedMessages)) return { ...rest, put: { ...put, messages: [...messages] } };
  const { blocks, length } = messages;
  const list = ++lastList;
  let at = 0;
  for (; at + blocksMax < blocks.length; at += blocksMax)
    await send({ list, blocks: blocks.slice(at, at + blocksMax) });
  return { ...rest, put: { ...put, messages: { list, blocks: blocks.slice(at), length } } };
}

/** Pieces that one worker has sent ahead of its changes. */
export class ListsAhead {
  readonly #blocks = new Map<number, Uint8Array[]>();

  add({ list, blocks }: ListPiece): void {
    const before = this.#blocks.get(list);
    if (before === undefined) this.#blocks.set(list, [...blocks]);
    else before.push(...blocks);
  }

  /** Restores the change; its pieces are no longer held here. */
  whole({ put, ...rest }: SentChange): Change {
    return put === undefined ? rest : { ...rest, put: { ...put, messages: this.#listOf(put.messages) } };
  }

  #listOf(messages: readonly MessageRecord[] | SentList): MessageSequence {
    if (!('list' in messages)) return messages;
    const { list, blocks, length } = messages;
    const before = this.#blocks.get(list) ?? [];
    this.#blocks.delete(list);
    return new PackedMessages([...before, ...blocks], length);
  }
}
