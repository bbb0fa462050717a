import type { SegmentKey } from '../../contract/change.js';
import type { ReadAhead } from '../../contract/queries.js';
import { type Row, type Statement, text, type Value } from '../database/driver.js';
import type { Head } from '../formats/head.js';
import { type PackId, placeOf } from '../formats/ids.js';
import { frameAt, type PackedFrame } from '../formats/pack.js';
import { framesOf } from './frames.js';
import { type ListPart, listColumns, listOfHead, listPartFrom } from './stored-list.js';

/** Parts of a list, and other packs, that come with a conversation: some megabytes at most. */
const [partsMax, packsMax] = [32, 16] as const;

/** Parts of a conversation's list, with their frames, that end at a token or after it, up to another. */
const partsBetween = (from: string, before: string) =>
  `select ${listColumns}, c, dir, data from part where p = $1 and k = ${listOfHead}
      and t0 + toks >= ${from}
    union all
    select ${listColumns}, c, dir, data from part where p = $1 and c = ${listOfHead} and n > 0 and t0 < ${before}
      and t0 + toks >= ${from}
    order by n limit ${partsMax}`;
/** The other packs that these parts name. */
const packsBetween = (from: string, before: string) =>
  `select k, dir, data from part where p = $1 and k = any(array(
      select unnest(packs) from part where p = $1 and k = ${listOfHead} and t0 + toks >= ${from}
      union
      select unnest(packs) from part
      where p = $1 and c = ${listOfHead} and n > 0 and t0 < ${before} and t0 + toks >= ${from}))
    limit ${packsMax}`;

/** The tokens of a conversation, as a value. */
const tokensOfHead = '(select v.toks from conv v where v.p = $1 and v.idh = $2)';
const readParts: Statement = { name: 'ahead_parts', text: partsBetween('$4', '$3') };
const readPacks: Statement = { name: 'ahead_packs', text: packsBetween('$4', '$3') };
const readLastParts: Statement = {
  name: 'ahead_last_parts',
  text: partsBetween(`${tokensOfHead} - $3::int8`, tokensOfHead),
};
const readLastPacks: Statement = {
  name: 'ahead_last_packs',
  text: packsBetween(`${tokensOfHead} - $3::int8`, tokensOfHead),
};

/** Returns the statements that read what a reader of these tokens will ask for. */
export function aheadOf(
  p: number,
  idh: string,
  { from = 0, tokens, last }: ReadAhead,
): [Statement, Value[]][] {
  // A reader looks for the token before its first one.
  if (last) {
    const values = [p, idh, tokens + 1];
    return [
      [readLastParts, values],
      [readLastPacks, values],
    ];
  }
  const values = [p, idh, from + tokens, Math.max(0, from - 1)];
  return [
    [readParts, values],
    [readPacks, values],
  ];
}

/** Successive parts of a conversation's list, and frames, that came with its row. */
export class Ahead {
  readonly #parts: readonly ListPart[];
  readonly #packs = new Map<PackId, PackedFrame[]>();

  /** The rows may be of another revision than the head: they are taken as far as they are of its list. */
  constructor(head: Head, [parts = [], packs = []]: readonly (readonly Row[])[]) {
    const own = parts.filter((row) => text(row['c']) === head.k);
    const listed = own.map(listPartFrom);
    this.#parts = listed.filter(({ n }, at) => n === (listed[0]?.n ?? 0) + at);
    for (const row of [...own, ...packs]) this.#packs.set(text(row['k']), framesOf(row));
  }

  /** Returns the parts that have these messages; undefined unless all of them came. */
  partsOf(from: number, before: number): readonly ListPart[] | undefined {
    const [first, last] = [this.#parts[0], this.#parts.at(-1)];
    if (!first || !last || first.firstMessage > from) return undefined;
    if (last.firstMessage + last.messages < before) return undefined;
    return this.#parts.filter(
      (part) => part.firstMessage < before && part.firstMessage + part.messages > from,
    );
  }

  /** Returns the part that has a token; undefined if it did not come. */
  partAt(token: number): ListPart | undefined {
    return this.#parts.find(
      ({ tokensBefore, tokens, messages }) =>
        messages > 0 && tokensBefore <= token && token < tokensBefore + tokens,
    );
  }

  /** Returns the frames of these segments, a copy of each; undefined for those that did not come. */
  framesOf(keys: readonly SegmentKey[]): (Uint8Array | undefined)[] {
    return keys.map((key) => {
      const place = placeOf(key);
      return place && frameAt(this.#packs.get(place.k) ?? [], place.slot);
    });
  }
}
