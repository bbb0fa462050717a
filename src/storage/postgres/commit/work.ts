import { frameRegistryId } from '../../../codec/index.js';
import type { SegmentHash } from '../../../model/index.js';
import type { NewSegment } from '../../contract/change.js';
import type { Statement } from '../database/driver.js';
import type { Transaction } from '../database/transaction.js';
import { Delta } from '../formats/delta.js';
import type { PackId, Place } from '../formats/ids.js';
import type { ListColumns } from '../formats/list.js';
import { encodeUsage, type GroupUsage } from '../formats/usage.js';
import { encodePack, packBytesMax, type PackedFrame } from '../formats/pack.js';
import { fold } from './fold.js';
import { isIndexed, sendHashes } from './hashes.js';
import type { FoundPlace, PartitionState } from './lookup.js';
import type { VaultParts } from './parts.js';

const insertPart: Statement = {
  name: 'part_insert',
  text: `insert into part (p, k, c, n, m0, msgs, t0, toks, packs, list, dir, data)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9::int8[], $10, $11, $12)`,
};
const insertGarbage: Statement = {
  name: 'garbage_insert',
  text: `insert into ref (p, k, slot, n, tokens, bytes, since, condemned)
    select $1::int, u.k, u.slot, 0, u.tokens, u.bytes, $2::int8, null
    from unnest($3::int8[], $4::int4[], $5::int4[], $6::int8[]) u(k, slot, tokens, bytes)`,
};
const insertDelta: Statement = {
  name: 'delta_insert',
  text: 'insert into delta (p, k, at, d, usage) values ($1, $2, $3, $4, $5)',
};
export const reviveSegments: Statement = {
  name: 'segments_revive',
  text: `update ref set condemned = null from unnest($2::int8[], $3::int4[]) u(k, slot)
    where ref.p = $1 and ref.k = u.k and ref.slot = u.slot and ref.condemned is not null`,
};
/** Divides by zero unless all of these segments are stored, under these places. */
export const requireStored: Statement = {
  name: 'segments_require',
  text: `select 1 / (case when count(*) = $5::int then 1 else 0 end) 
    from unnest($2::uuid[], $3::int8[], $4::int4[]) u(h, k, slot) where ${isIndexed}`,
};

/** A pack, and the part of a list that its row has too, if any. */
interface PartRow {
  readonly k: PackId;
  readonly frames: PackedFrame[];
  bytes: number;
  list?: ListColumns & PartOfList;
}

/** Place of a part in a list. */
export interface PartOfList {
  readonly c: PackId;
  readonly n: number;
  readonly firstMessage: number;
  readonly messages: number;
  readonly tokensBefore: number;
  readonly tokens: number;
}

interface Fresh {
  readonly segment: NewSegment;
  readonly place: FoundPlace;
  holders: number;
}

/** One change in one partition: the rows that it adds, and what it does to counts. */
export class Work {
  delta = new Delta();
  /** Segments that the change brings to this partition. */
  readonly incoming: NewSegment[] = [];
  /** Segments that other partitions have, and that the change names in this one. */
  readonly copies: NewSegment[] = [];
  /** Those of the incoming ones that were not stored here before, in their order. */
  readonly added: NewSegment[] = [];
  /** Usage that the change counts in this partition. */
  usage: GroupUsage[] = [];
  /** Id of a row that is there if and only if the change was made; undefined if it has none. */
  witness: PackId | undefined;
  readonly #fresh = new Map<SegmentHash, Fresh>();
  #rows: PartRow[] = [];

  constructor(
    readonly transaction: Transaction,
    readonly vault: VaultParts,
    readonly p: number,
    readonly state: PartitionState,
    readonly nowMs: number,
  ) {}

  segment(hash: SegmentHash): FoundPlace | undefined {
    return this.#fresh.get(hash)?.place ?? this.state.segments.get(hash);
  }

  /** Stores the segments of this partition, but for those that are stored. */
  storeSegments(): void {
    this.#store(this.incoming, this.added);
    this.#store(this.copies, []);
  }

  #store(segments: readonly NewSegment[], added: NewSegment[]): void {
    let row: PartRow | undefined;
    for (const segment of segments) {
      const { hash, tokenCount, frame } = segment;
      if (this.segment(hash)) continue;
      if (!row || (row.bytes > 0 && row.bytes + frame.length > packBytesMax)) row = this.#newRow();
      const place = { k: row.k, slot: row.frames.length, tokenCount, condemned: false };
      row.frames.push({ tokenCount, frame });
      row.bytes += frame.length;
      this.#fresh.set(hash, { segment, place, holders: 0 });
      added.push(segment);
      this.delta.countFrame(frameRegistryId(frame), tokenCount, frame.length, 1);
    }
  }

  /** Returns the id of a row that has no part of a list yet. */
  rowForList(): PackId {
    return (this.#rows.find(({ list }) => !list) ?? this.#newRow()).k;
  }

  putList(k: PackId, list: ListColumns & PartOfList): void {
    this.#rows.find((row) => row.k === k)!.list = list;
    this.delta.figures.lists += list.list.length;
  }

  /** Counts a reference to each of these distinct segments, or one less. */
  refer(segments: Iterable<Place & { readonly hash?: SegmentHash }>, sign: 1 | -1): void {
    for (const { hash, k, slot } of segments) {
      const fresh = hash === undefined ? undefined : this.#fresh.get(hash);
      if (fresh) fresh.holders += sign;
      else this.delta.refer({ k, slot }, sign);
    }
  }

  /** Sends the rows of segments and lists that the change has added so far. */
  sendRows(): void {
    for (const { k, frames, list } of this.#rows) {
      this.witness ??= k;
      const { dir, data } = encodePack(frames);
      const { c, n, firstMessage, messages, tokensBefore, tokens } = list ?? notListed;
      const packs = list && list.packs.length > 0 ? list.packs : null;
      const place = [c, n, firstMessage, messages, tokensBefore, tokens];
      this.transaction.send(insertPart, [this.p, k, ...place, packs, list?.list ?? nothing, dir, data]);
    }
    this.#rows = [];
    this.#sendFresh();
  }

  /** Sends what was counted so far, and adds it to the counts. Resolves to the answer of `counted`. */
  async fold<T = void>(counted?: () => Promise<T>): Promise<T | undefined> {
    this.sendRows();
    this.sendDelta();
    return fold(this.transaction, this.p, counted);
  }

  sendDelta(): void {
    if (isEmpty(this.delta) && this.usage.length === 0) return;
    const usage = this.usage.length === 0 ? null : encodeUsage(this.usage);
    this.transaction.send(insertDelta, [this.p, this.#nextId(), this.nowMs, this.delta.encode(), usage]);
    this.delta = new Delta();
    this.usage = [];
  }

  /** A segment that is stored with one holder has no row of its own; others are counted, or garbage. */
  #sendFresh(): void {
    const fresh = [...this.#fresh.values()];
    if (fresh.length === 0) return;
    const entries = fresh.map(({ segment: { hash }, place }) => ({ hash, ...place }));
    sendHashes(this.transaction, this.p, entries);
    const unnamed = fresh.filter(({ holders }) => holders === 0);
    if (unnamed.length > 0)
      this.transaction.send(insertGarbage, [
        this.p,
        this.nowMs,
        unnamed.map(({ place }) => place.k),
        unnamed.map(({ place }) => place.slot),
        unnamed.map(({ place }) => place.tokenCount),
        unnamed.map(({ segment }) => segment.frame.length),
      ]);
    for (const { segment, place, holders } of fresh) {
      if (holders > 1) this.delta.refer(place, holders - 1);
      // From here on it is a segment like others.
      this.state.segments.set(segment.hash, place);
    }
    this.#fresh.clear();
  }

  #newRow(): PartRow {
    const row: PartRow = { k: this.#nextId(), frames: [], bytes: 0 };
    this.#rows.push(row);
    return row;
  }

  #nextId(): PackId {
    return this.vault.ids.next(this.p - this.vault.partitions.first);
  }
}

const nothing = Buffer.alloc(0);
const notListed = { c: '0', n: 0, firstMessage: 0, messages: 0, tokensBefore: 0, tokens: 0 };

function isEmpty(delta: Delta): boolean {
  const counts = Object.values(delta.figures).some((figure) => figure !== 0);
  return !counts && delta.registries.size === 0 && delta.references().next().done === true;
}
