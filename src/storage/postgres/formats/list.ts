import { StowkenError } from '../../../model/index.js';
import { ByteReader, ByteWriter } from '../../shared/bytes.js';
import type { PackId, Place } from './ids.js';

/** Messages, and bytes, after which a part of a list is full. */
const partMessagesMax = 2_048;
const partBytesMax = 128 * 1024;

export interface ListedSegment extends Place {
  readonly tokenCount: number;
}

/** A message of a stored list: its segments by their places; the last `fields` of them are its fields. */
export interface ListedMessage {
  readonly role: string;
  readonly name: string;
  readonly toolCallId: string;
  readonly segments: readonly ListedSegment[];
  readonly fields: number;
}

/** Columns of a part of a list. */
export interface ListColumns {
  readonly list: Uint8Array;
  /** Packs of the segments named, but for the part's own. */
  readonly packs: readonly PackId[];
}

/** Texts that have a number in every list; others have one in their list. Never to be reordered. */
const common = ['', 'user', 'assistant', 'system', 'tool', 'developer', 'function', 'model'] as const;
const [withNames, withFields, withCount] = [1, 2, 4] as const;

/** Encodes a part of a list. Described in docs/formats/postgres.md. */
export class ListWriter {
  readonly #out = new ByteWriter(256);
  readonly #texts = new Map<string, number>(common.map((text, index) => [text, index]));
  readonly #packs = new Map<PackId, number>();
  length = 0;

  constructor(private readonly own: PackId) {}

  get bytes(): number {
    return this.#out.length;
  }

  get isFull(): boolean {
    return this.length >= partMessagesMax || this.bytes >= partBytesMax;
  }

  add({ role, name, toolCallId, segments, fields }: ListedMessage): void {
    const named = name !== '' || toolCallId !== '' ? withNames : 0;
    const counted = segments.length === 1 ? 0 : withCount;
    const flags = named | (fields > 0 ? withFields : 0) | counted;
    this.#out.byte(flags);
    this.#text(role);
    if (named) {
      this.#text(name);
      this.#out.text(toolCallId);
    }
    if (counted) this.#out.varint(segments.length);
    if (fields > 0) this.#out.varint(fields);
    for (const { k, slot, tokenCount } of segments) {
      const pack = k === this.own ? 0 : this.#packOf(k);
      this.#out.varint(slot * 8 + Math.min(pack, 7));
      if (pack >= 7) this.#out.varint(pack - 7);
      this.#out.varint(tokenCount);
    }
    this.length += 1;
  }

  finish(): ListColumns {
    return { list: Buffer.from(this.#out.finish()), packs: [...this.#packs.keys()] };
  }

  #packOf(k: PackId): number {
    let number = this.#packs.get(k);
    if (number === undefined) this.#packs.set(k, (number = this.#packs.size + 1));
    return number;
  }

  /** Writes a text's number; a new text follows its number. */
  #text(text: string): void {
    const number = this.#texts.get(text);
    if (number !== undefined) return void this.#out.varint(number);
    this.#out.varint(this.#texts.size).text(text);
    this.#texts.set(text, this.#texts.size);
  }
}

/** Decodes a part of a list, message by message. @throws StowkenError CORRUPT_STORE */
export function* readList({ list, packs }: ListColumns, own: PackId): Generator<ListedMessage, void, void> {
  const reader = new ByteReader(list);
  const texts: string[] = [...common];
  const text = () => {
    const number = reader.varint();
    if (number === texts.length) texts.push(reader.text());
    const found = texts[number];
    if (found === undefined) throw corrupt(`text ${number} is not known`);
    return found;
  };
  const packOf = (number: number) => {
    const pack = number === 0 ? own : packs[number - 1];
    if (pack === undefined) throw corrupt(`pack ${number} is not known`);
    return pack;
  };
  while (!reader.atEnd) {
    const flags = reader.byte();
    if (flags > 7) throw corrupt(`flags ${flags} are not known`);
    const role = text();
    const [name, toolCallId] = flags & withNames ? [text(), reader.text()] : ['', ''];
    const count = flags & withCount ? reader.varint() : 1;
    const fields = flags & withFields ? reader.varint() : 0;
    const segments: ListedSegment[] = [];
    for (let left = count; left > 0; left--) {
      const place = reader.varint();
      const low = place % 8;
      const k = packOf(low === 7 ? 7 + reader.varint() : low);
      segments.push({ k, slot: Math.floor(place / 8), tokenCount: reader.varint() });
    }
    yield { role, name, toolCallId, segments, fields };
  }
}

/** Returns the tokens of a message's content. */
export function tokensIn({ segments, fields }: ListedMessage): number {
  let tokens = 0;
  for (let at = segments.length - fields - 1; at >= 0; at--) tokens += segments[at]!.tokenCount;
  return tokens;
}

function corrupt(what: string): StowkenError {
  return new StowkenError('CORRUPT_STORE', `a list of messages does not decode: ${what}`);
}
