import { type Codec, frameRegistryId, undefinedIfCorruptFrame } from '../../../codec/index.js';
import type { CheckOptions, Violation } from '../../contract/checks.js';
import { BackgroundTurns } from '../../shared/background.js';
import { entriesOf } from '../commit/hashes.js';
import type { VaultParts } from '../commit/parts.js';
import { bytes, int, type Row, type Statement, text } from '../database/driver.js';
import type { Transaction } from '../database/transaction.js';
import { Delta, figures } from '../formats/delta.js';
import { headOf } from '../formats/ids.js';
import { decodePack, type PackedFrame } from '../formats/pack.js';
import { CheckedLists } from './check-lists.js';
import { checkPrefixes } from './check-prefix.js';
import { CheckedReferences } from './check-references.js';
import { type Add, guarded } from './findings.js';

const rowsAtOnce = 200;

const scanParts: Statement = {
  name: 'check_parts',
  text: `select k, c, n, m0, msgs, t0, toks, packs, list, dir, data from part
    where p = $1 and k > $2 order by k limit ${rowsAtOnce}`,
};
const hashesOfPacks: Statement = {
  name: 'check_hashes',
  text: `select x.h, x.r, x.k, x.slot, x.tokens from ${entriesOf('$2')} x`,
};
const readState: Statement = {
  name: 'check_state',
  text: `select t.*, (select count(*) from hx where p = $1)
    + (select coalesce(sum(cardinality(hs)), 0) from hc where p = $1) hashes, (select count(*) from part where p = $1) parts
    from totals t where p = $1`,
};
const readDeltas: Statement = { name: 'check_deltas', text: 'select d from delta where p = $1' };
const readCounted: Statement = {
  name: 'check_usage',
  text: `select sum(convs) convs, sum(msgs) msgs, sum(sys + usr + asst) toks from usage_sum where p = $1`,
};
const readUncounted: Statement = {
  name: 'check_uncounted',
  text: 'select convs, msgs, toks from uncounted where p = $1',
};
const readRegistries: Statement = {
  name: 'check_registries',
  text: 'select id, segs, toks, bytes, data from registry where p = $1 order by id',
};

/**
 * Compares the records of one state of the vault with each other: lists, frames, the index by hash, counts,
 * figures. Others go on meanwhile.
 */
export async function checkVault(vault: VaultParts, options: CheckOptions): Promise<Violation[]> {
  const violations: Violation[] = [];
  const add: Add = (invariant, subject, detail) => void violations.push({ invariant, subject, detail });
  await vault.database.transact((transaction) => checkState(vault, transaction, options, add), {
    snapshot: true,
  });
  return violations;
}

/** Rows of a partition with its sums, and what its deltas add to them. */
interface PartitionRows {
  readonly state: Row | undefined;
  /** Content that usage counts, and that no counter has. */
  readonly usage: readonly (Row | undefined)[];
  readonly registries: readonly Row[];
  readonly pending: Delta;
}

async function checkState(
  { partitions, codec: live }: VaultParts,
  transaction: Transaction,
  { depth, onProgress, signal }: CheckOptions,
  add: Add,
): Promise<void> {
  const turns = new BackgroundTurns(signal);
  const rows = new Map<number, PartitionRows>();
  for (const p of partitions.all) rows.set(p, await readRows(transaction, p));
  const all = [...rows.values()];
  const total = all.reduce((sum, { state }) => sum + int(state?.['parts'] ?? 0), 0);
  const codec = withRegistries(
    live.snapshot(),
    all.flatMap(({ registries }) => registries),
    add,
  );
  const lists = new CheckedLists(transaction, partitions, add);
  await lists.begin(turns);
  const pending = all.map((each) => each.pending);
  const references = new CheckedReferences(transaction, partitions, add, pending);
  await references.begin(turns);
  const found = new Map(partitions.all.map((p) => [p, new Delta()]));
  let done = 0;
  for (const p of partitions.all) {
    for await (const row of partsOf(transaction, p)) {
      const k = text(row['k']);
      if (partitions.ofPack(k) !== p) add('lists', `part ${k}`, 'it is in the partition of another id');
      lists.check(row, (place) => references.held(place));
      const pack = { dir: bytes(row['dir']), data: bytes(row['data']) };
      const frames = guarded(add, `pack ${k}`, () => decodePack(pack)) ?? [];
      for (const [slot, { frame, tokenCount }] of frames.entries()) {
        if (frame.length === 0) continue;
        references.stored({ k, slot }, { tokenCount, frameBytes: frame.length });
        const registry = guarded(add, `segment ${k}/${slot}`, () => frameRegistryId(frame));
        found.get(p)?.countFrame(registry, tokenCount, frame.length, 1);
      }
      if (depth !== 'records') await checkFrames(transaction, p, k, frames, codec, add);
      done += 1;
      if (!turns.due) continue;
      onProgress?.(done, total);
      await turns.pause();
    }
  }
  for (const p of partitions.all) await checkPrefixes(transaction, p, add);
  references.end();
  lists.end(found);
  for (const [p, counted] of found) {
    // A vault of one partition has no other to tell it from.
    const of = partitions.count === 1 ? '' : ` of partition ${p - partitions.first}`;
    compareFigures(rows.get(p), counted, (invariant, subject, detail) =>
      add(invariant, `${subject}${of}`, detail),
    );
  }
  onProgress?.(total, total);
}

async function readRows(transaction: Transaction, p: number): Promise<PartitionRows> {
  const [state] = await transaction.query(readState, [p]);
  const pending = new Delta();
  for (const { d } of await transaction.query(readDeltas, [p])) pending.add(bytes(d));
  const [counted] = await transaction.query(readCounted, [p]);
  const [uncounted] = await transaction.query(readUncounted, [p]);
  return {
    state,
    pending,
    usage: [counted, uncounted],
    registries: await transaction.query(readRegistries, [p]),
  };
}

function withRegistries(live: Codec, rows: readonly Row[], add: Add): Codec {
  let codec = live;
  for (const row of rows) {
    if (codec.registries.some(({ id }) => id === int(row['id']))) continue;
    codec =
      guarded(add, `registry ${text(row['id'])}`, () => codec.withRegistry(bytes(row['data']))) ?? codec;
  }
  return codec;
}

export async function* partsOf(transaction: Transaction, p: number): AsyncGenerator<Row, void, void> {
  for (let after = '-1'; ;) {
    const rows = await transaction.query(scanParts, [p, after]);
    yield* rows;
    if (rows.length < rowsAtOnce) return;
    after = text(rows.at(-1)!['k']);
  }
}

/** Compares the sums that a partition keeps with those of its rows. */
function compareFigures(rows: PartitionRows | undefined, found: Delta, add: Add): void {
  const { state, pending = new Delta(), registries = [], usage = [] } = rows ?? {};
  for (const figure of ['convs', 'msgs', 'toks'] as const) {
    const [counted = 0, others = 0] = usage.map((row) => int(row?.[figure] ?? 0));
    const kept = int(state?.[figure] ?? 0);
    if (counted + others !== kept)
      add('usage', figure, `counters have ${counted}, ${others} are uncounted, and ${kept} are kept`);
  }
  for (const figure of figures) {
    const kept = int(state?.[figure] ?? 0) + pending.figures[figure];
    if (kept !== found.figures[figure])
      add('statistics', figure, `${kept} are kept, ${found.figures[figure]} were counted`);
  }
  if (int(state?.['hashes']) !== found.figures.segs)
    add('hash-index', 'the index', `it has ${text(state?.['hashes'])} of ${found.figures.segs} segments`);
  for (const row of registries) {
    const id = int(row['id']);
    for (const figure of ['segs', 'toks', 'bytes'] as const) {
      const kept = int(row[figure]) + (pending.registries.get(id)?.[figure] ?? 0);
      const counted = found.registries.get(id)?.[figure] ?? 0;
      if (kept !== counted)
        add('statistics', `registry ${id}`, `${figure}: ${kept} are kept, ${counted} were counted`);
    }
  }
  for (const id of found.registries.keys())
    if (!registries.some((row) => int(row['id']) === id))
      add('registries', `registry ${id}`, 'frames name it, and it is not stored');
}

/** Decodes the frames of a pack, and looks up their hashes. */
async function checkFrames(
  transaction: Transaction,
  p: number,
  k: string,
  frames: readonly PackedFrame[],
  codec: Codec,
  add: Add,
): Promise<void> {
  const named = new Map<string, number>();
  for (const [slot, { frame, tokenCount }] of frames.entries()) {
    if (frame.length === 0) continue;
    const subject = `segment ${k}/${slot}`;
    const hash = undefinedIfCorruptFrame(() => codec.hashOf(frame));
    if (hash === undefined) {
      add('frame', subject, 'its frame does not decode');
      continue;
    }
    if (codec.decode(frame).tokenCount !== tokenCount)
      add('frame', subject, 'its frame has another token count');
    named.set(hash, slot);
  }
  if (named.size === 0) return;
  const heads = [...named.keys()].map((hash) => headOf(hash as Parameters<typeof headOf>[0]));
  const rows = await transaction.query(hashesOfPacks, [p, heads]);
  const led = new Map(
    rows.map(({ h, r, ...row }) => [`${text(h)}${text(r)}`.replaceAll('-', ''), row] as const),
  );
  for (const [hash, slot] of named) {
    const row = led.get(hash);
    const isRight =
      row &&
      text(row['k']) === k &&
      int(row['slot']) === slot &&
      int(row['tokens']) === frames[slot]!.tokenCount;
    if (!isRight) add('hash-index', `segment ${k}/${slot}`, 'its hash does not lead to it');
  }
}
