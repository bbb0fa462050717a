import { fieldSegmentsOf, type MessageRecord, present, type SegmentHash } from '../../../model/index.js';
import { keyOf, type PackId, type Place } from '../formats/ids.js';
import { type ListedMessage, ListWriter, tokensIn } from '../formats/list.js';
import type { Work } from './work.js';

/** Place at which messages are added to a list. */
export interface ListEnd {
  /** Id of the list; undefined for a new one. */
  readonly c: PackId | undefined;
  readonly parts: number;
  readonly messages: number;
  readonly tokens: number;
}

export const emptyList: ListEnd = { c: undefined, parts: 0, messages: 0, tokens: 0 };

type Named = ListedMessage & { readonly hashes?: readonly SegmentHash[] };

/** Adds parts to a list. Each is a holder of the segments that it names. */
export class ListBuilder {
  #c: PackId | undefined;
  #parts: number;
  #messages: number;
  #tokens: number;
  #writer: ListWriter | undefined;
  #k: PackId = '';
  #partTokens = 0;
  readonly #held = new Map<string, Place & { readonly hash?: SegmentHash }>();

  constructor(
    private readonly work: Work,
    { c, parts, messages, tokens }: ListEnd,
  ) {
    this.#c = c;
    this.#parts = parts;
    this.#messages = messages;
    this.#tokens = tokens;
  }

  add(message: Named): void {
    const writer = (this.#writer ??= this.#begin());
    writer.add(message);
    this.#partTokens += tokensIn(message);
    for (const [at, { k, slot }] of message.segments.entries()) {
      const hash = message.hashes?.[at];
      this.#held.set(keyOf({ k, slot }) as string, { k, slot, ...(hash !== undefined && { hash }) });
    }
    if (writer.isFull) this.#end();
  }

  /** Ends the list; a new one has one part at least. */
  finish(): ListEnd & { readonly c: PackId } {
    if (this.#c === undefined) this.#writer ??= this.#begin();
    this.#end();
    const c = present(this.#c, 'a list has an id');
    return { c, parts: this.#parts, messages: this.#messages, tokens: this.#tokens };
  }

  #begin(): ListWriter {
    this.#k = this.work.rowForList();
    this.#c ??= this.#k;
    return new ListWriter(this.#k);
  }

  #end(): void {
    const writer = this.#writer;
    if (!writer) return;
    const messages = writer.length;
    this.work.putList(this.#k, {
      ...writer.finish(),
      c: present(this.#c, 'a list has an id'),
      n: this.#parts,
      firstMessage: this.#messages,
      messages,
      tokensBefore: this.#tokens,
      tokens: this.#partTokens,
    });
    this.work.refer(this.#held.values(), 1);
    this.#held.clear();
    this.#parts += 1;
    this.#messages += messages;
    this.#tokens += this.#partTokens;
    this.#partTokens = 0;
    this.#writer = undefined;
  }
}

/** Returns a change's message with the places of its segments, and the tokens that are stored. */
export function listedFrom(work: Work, message: MessageRecord): Named {
  const { role, name, toolCallId, segments } = message;
  return {
    ...{ role, name, toolCallId },
    fields: fieldSegmentsOf(message).length,
    hashes: segments.map(({ hash }) => hash),
    segments: segments.map(({ hash }) =>
      present(work.segment(hash), 'a message names stored segments', hash),
    ),
  };
}
