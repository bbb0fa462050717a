import type { SegmentKey } from '../../contract/change.js';
import { type Row, type Statement, text, type Value } from '../database/driver.js';
import type { Head } from '../formats/head.js';
import { type PackId, placeOf } from '../formats/ids.js';
import { frameAt, type PackedFrame } from '../formats/pack.js';
import { framesOf } from './frames.js';
import { type ListPart, listColumns, listPartFrom } from './stored-list.js';

/** Parts of a list, and other packs, that come with a conversation: some megabytes at most. */
const [partsMax, packsMax] = [32, 16] as const;

/**
 * The list of the conversation. As a value and not in a join: so each part is found by its key, whatever the
 * planner knows of the tables.
 */
const list = '(select v.k from conv v where v.p = $1 and v.idh = $2)';

/** The first parts of a conversation's list, with their frames, up to a token. */
const readParts: Statement = {
  name: 'ahead_parts',
  text: `select ${listColumns}, c, dir, data from part where p = $1 and k = ${list}
    union all
    select ${listColumns}, c, dir, data from part where p = $1 and c = ${list} and n > 0 and t0 < $3
    order by n limit ${partsMax}`,
};
/** The other packs that these parts name. */
const readPacks: Statement = {
  name: 'ahead_packs',
  text: `select k, dir, data from part where p = $1 and k = any(array(
      select unnest(packs) from part where p = $1 and k = ${list}
      union
      select unnest(packs) from part where p = $1 and c = ${list} and n > 0 and t0 < $3))
    limit ${packsMax}`,
};

/** Returns the statements that read ahead what a reader of so many tokens will ask for. */
export function aheadOf(p: number, idh: string, tokens: number): [Statement, Value[]][] {
  return [
    [readParts, [p, idh, tokens]],
    [readPacks, [p, idh, tokens]],
  ];
}

/** Begin of a conversation's list, and frames, that came with its row. */
export class Ahead {
  readonly #parts: readonly ListPart[];
  readonly #packs = new Map<PackId, PackedFrame[]>();

  /** The rows may be of another revision than the head: they are taken as far as they are of its list. */
  constructor(head: Head, [parts = [], packs = []]: readonly (readonly Row[])[]) {
    const own = parts.filter((row) => text(row['c']) === head.k);
    this.#parts = own.map(listPartFrom).filter(({ n }, at) => n === at);
    for (const row of [...own, ...packs]) this.#packs.set(text(row['k']), framesOf(row));
  }

  /** Returns the parts that have these messages; undefined unless all of them came. */
  partsOf(from: number, before: number): readonly ListPart[] | undefined {
    const last = this.#parts.at(-1);
    if (!last || last.firstMessage + last.messages < before) return undefined;
    return this.#parts.filter(
      (part) => part.firstMessage < before && part.firstMessage + part.messages > from,
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
