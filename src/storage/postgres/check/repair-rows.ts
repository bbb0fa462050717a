import type { SegmentHash } from '../../../model/index.js';
import { entriesFrom } from '../collect/fill-chunks.js';
import { int, type Statement, text } from '../database/driver.js';
import type { Transaction } from '../database/transaction.js';
import { type Delta, figures } from '../formats/delta.js';
import { headOf, type Place, restOf } from '../formats/ids.js';

/** A stored frame, and what is known of it. */
export interface StoredFrame extends Place {
  readonly tokenCount: number;
  readonly frameBytes: number;
  /** Undefined if it does not decode. */
  readonly hash: SegmentHash | undefined;
}

/** Rows of a partition from which all others follow. */
export interface Counted {
  readonly stored: Map<string, StoredFrame>;
  readonly held: Map<string, number>;
  readonly found: Delta;
}

const readCounts: Statement = {
  name: 'repair_counts',
  text: 'select k, slot, n, tokens, bytes, since from ref where p = $1',
};
const deleteCounts: Statement = {
  name: 'repair_counts_gone',
  text: `delete from ref using unnest($2::int8[], $3::int4[]) u(k, slot)
    where ref.p = $1 and ref.k = u.k and ref.slot = u.slot`,
};
const insertCounts: Statement = {
  name: 'repair_counts_added',
  text: `insert into ref (p, k, slot, n, tokens, bytes, since, condemned)
    select $1::int, u.k, u.slot, u.n, u.tokens, u.bytes, u.since, null
    from unnest($2::int8[], $3::int4[], $4::int4[], $5::int4[], $6::int8[], $7::int8[])
      u(k, slot, n, tokens, bytes, since)`,
};
const readHashes: Statement = {
  name: 'repair_hashes',
  text: 'select h, r, k, slot, tokens from hx where p = $1',
};
const readChunks: Statement = {
  name: 'repair_chunks',
  text: 'select h, hs, rs, ks, slots, tokens from hc where p = $1 order by h',
};
const deleteChunks: Statement = {
  name: 'repair_chunks_gone',
  text: 'delete from hc where p = $1 and h = any($2::uuid[])',
};
const deleteHashes: Statement = {
  name: 'repair_hashes_gone',
  text: 'delete from hx where p = $1 and h = any($2::uuid[])',
};
const insertHashes: Statement = {
  name: 'repair_hashes_added',
  text: `insert into hx (p, h, r, k, slot, tokens) select $1::int, u.h, u.r, u.k, u.slot, u.tokens
    from unnest($2::uuid[], $3::uuid[], $4::int8[], $5::int4[], $6::int4[]) u(h, r, k, slot, tokens)
    order by u.h on conflict do nothing`,
};
const writeTotals: Statement = {
  name: 'repair_totals',
  text: `update totals set convs = $2, msgs = $3, toks = $4, segs = $5, utoks = $6, bytes = $7, lists = $8
    where p = $1`,
};
const readRegistries: Statement = { name: 'repair_registries', text: 'select id from registry where p = $1' };
const writeRegistry: Statement = {
  name: 'repair_registry',
  text: 'update registry set segs = $3, toks = $4, bytes = $5 where p = $1 and id = $2',
};
const readCounted: Statement = {
  name: 'repair_usage',
  text: `select sum(convs) convs, sum(msgs) msgs, sum(sys + usr + asst) toks from usage_sum where p = $1`,
};
const deleteUncounted: Statement = {
  name: 'repair_uncounted_gone',
  text: 'delete from uncounted where p = $1',
};
const insertUncounted: Statement = {
  name: 'repair_uncounted',
  text: 'insert into uncounted (p, convs, msgs, toks) values ($1, $2, $3, $4)',
};

interface CountRow {
  readonly k: string;
  readonly slot: number;
  readonly n: number;
  readonly tokens: number;
  readonly bytes: number;
  readonly since: number | null;
}

/** Writes the counts that are wrong. Garbage keeps the time since when it is, if that is known. */
export async function writeReferences(
  transaction: Transaction,
  p: number,
  { stored, held }: Counted,
  nowMs: number,
): Promise<void> {
  const gone: CountRow[] = [];
  const added: CountRow[] = [];
  const kept = new Set<string>();
  const wanted = (key: string, frame: StoredFrame, since: number): CountRow | undefined => {
    const n = held.get(key) ?? 0;
    if (n === 1) return undefined;
    const { k, slot, tokenCount: tokens, frameBytes: bytes } = frame;
    return n === 0 ? { k, slot, n, since, tokens, bytes } : { k, slot, n, since: null, tokens: 0, bytes: 0 };
  };
  for (const each of await transaction.query(readCounts, [p])) {
    const row = {
      ...{
        k: text(each['k']),
        slot: int(each['slot']),
        n: int(each['n']),
        since: each['since'] === null ? null : int(each['since']),
      },
      ...{ tokens: int(each['tokens']), bytes: int(each['bytes']) },
    };
    const key = `${row.k}/${row.slot}`;
    const frame = stored.get(key);
    const right = frame && wanted(key, frame, row.since ?? nowMs);
    const hasSizes =
      row.n > 0 || (right?.tokens === row.tokens && right.bytes === row.bytes && right.since === row.since);
    if (frame && row.n === (held.get(key) ?? 0) && hasSizes) kept.add(key);
    else {
      gone.push(row);
      if (right) added.push(right);
      kept.add(key);
    }
  }
  for (const [key, frame] of stored) {
    const row = kept.has(key) ? undefined : wanted(key, frame, nowMs);
    if (row) added.push(row);
  }
  if (gone.length > 0)
    transaction.send(deleteCounts, [p, gone.map(({ k }) => k), gone.map(({ slot }) => slot)]);
  if (added.length > 0)
    transaction.send(insertCounts, [
      p,
      added.map(({ k }) => k),
      ...(['slot', 'n', 'tokens', 'bytes', 'since'] as const).map((name) => added.map((row) => row[name])),
    ]);
}

/** Writes the entries of the index by hash that are wrong or missing. */
export async function writeHashes(transaction: Transaction, p: number, { stored }: Counted): Promise<void> {
  const right = new Map<string, StoredFrame & { readonly entry: string }>();
  for (const frame of stored.values()) {
    const { hash, k, slot, tokenCount } = frame;
    if (hash === undefined || right.has(headOf(hash))) continue;
    right.set(headOf(hash), { ...frame, entry: `${restOf(hash)} ${k} ${slot} ${tokenCount}` });
  }
  const wrong: string[] = [];
  for (const { h, r, k, slot, tokens } of await transaction.query(readHashes, [p])) {
    const head = text(h);
    const entry = `${text(r)} ${text(k)} ${int(slot)} ${int(tokens)}`;
    if (right.get(head)?.entry === entry) right.delete(head);
    else wrong.push(head);
  }
  if (wrong.length > 0) transaction.send(deleteHashes, [p, wrong]);
  const broken: string[] = [];
  const chunks = await transaction.query(readChunks, [p]);
  for (const [at, chunk] of chunks.entries()) {
    const entries = entriesFrom(chunk);
    const end = chunks[at + 1]?.['h'];
    const isRight = entries.every(
      ({ h, r, k, slot, tokens }, index) =>
        h >= text(chunk['h']) &&
        (index === 0 || h > entries[index - 1]!.h) &&
        (end === undefined || h < text(end)) &&
        right.get(h)?.entry === `${r} ${k} ${slot} ${tokens}`,
    );
    // Those entries of a broken chunk that are right become loose.
    if (!isRight || entries.length === 0) broken.push(text(chunk['h']));
    else for (const { h } of entries) right.delete(h);
  }
  if (broken.length > 0) transaction.send(deleteChunks, [p, broken]);
  const left = [...right].flatMap(([head, { hash, ...frame }]) => (hash ? [{ head, hash, ...frame }] : []));
  if (left.length > 0)
    transaction.send(insertHashes, [
      p,
      left.map(({ head }) => head),
      left.map(({ hash }) => restOf(hash)),
      left.map(({ k }) => k),
      left.map(({ slot }) => slot),
      left.map(({ tokenCount }) => tokenCount),
    ]);
}

export async function writeFigures(transaction: Transaction, p: number, found: Delta): Promise<void> {
  transaction.send(writeTotals, [p, ...figures.map((figure) => found.figures[figure])]);
  for (const { id } of await transaction.query(readRegistries, [p])) {
    const use = found.registries.get(int(id)) ?? { segs: 0, toks: 0, bytes: 0 };
    transaction.send(writeRegistry, [p, int(id), use.segs, use.toks, use.bytes]);
  }
  const [counted] = await transaction.query(readCounted, [p]);
  const left = (['convs', 'msgs', 'toks'] as const).map(
    (figure) => found.figures[figure] - int(counted?.[figure] ?? 0),
  );
  transaction.send(deleteUncounted, [p]);
  transaction.send(insertUncounted, [p, ...left]);
}
