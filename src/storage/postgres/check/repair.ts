import { frameRegistryId, undefinedIfCorruptFrame } from '../../../codec/index.js';
import type { RepairOptions, RepairReport, Violation } from '../../contract/checks.js';
import { lockGate, passGate, readClock, tick } from '../collect/condemn.js';
import { fold } from '../commit/fold.js';
import type { VaultParts } from '../commit/parts.js';
import type { Transaction } from '../database/transaction.js';
import { bytes, int, type Statement, text } from '../database/driver.js';
import { Delta, type Figures } from '../formats/delta.js';
import { keyOf, type PackId } from '../formats/ids.js';
import { readList } from '../formats/list.js';
import { decodePack } from '../formats/pack.js';
import { listPartFrom } from '../read/stored-list.js';
import { repairKinds } from './check-kinds.js';
import { repairPrefixes } from './check-prefix.js';
import { checkVault, partsOf } from './check.js';
import { type Add, guarded } from './findings.js';
import { type Counted, writeFigures, writeHashes, writeReferences } from './repair-rows.js';

const readHeads: Statement = {
  name: 'repair_heads',
  text: 'select k, msgs, toks from conv where p = $1',
};
const readHolders: Statement = {
  name: 'repair_holders',
  text: 'select k, slot, count(*) holders from holder where p = $1 group by k, slot',
};
const readGone: Statement = { name: 'repair_gone', text: 'select k from gone where p = $1' };
const insertGone: Statement = {
  name: 'repair_lists',
  text: 'insert into gone (p, k) select $1::int, k from unnest($2::int8[]) k on conflict do nothing',
};

/**
 * Writes all that follows from lists, frames and holders once more: references, garbage, the index by hash,
 * figures, and what no counter of usage has; indexes of labels are built again. Nothing else is changed
 * meanwhile: a change waits as long as its statements may. A vault without violations is not written.
 */
export async function repairVault(vault: VaultParts, options: RepairOptions): Promise<RepairReport> {
  const { onPhase } = options;
  await onPhase?.('checking');
  const before = await checkVault(vault, options);
  if (before.length === 0) return { repaired: [], remaining: [] };
  await onPhase?.('rebuilding');
  await vault.database.transact((transaction) => rebuild(vault, transaction, options.signal), { long: true });
  vault.known.clear();
  await vault.labels.refresh();
  await onPhase?.('checkingAgain');
  const remaining = await checkVault(vault, options);
  const left = new Set(remaining.map(nameOf));
  return { repaired: before.filter((violation) => !left.has(nameOf(violation))), remaining };
}

function nameOf({ invariant, subject }: Violation): string {
  return `${invariant} ${subject}`;
}

async function rebuild(
  vault: VaultParts,
  transaction: Transaction,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { partitions } = vault;
  for (const p of partitions.all) await transaction.query(lockGate, [p]);
  // Segments that a server saw before are looked up once more.
  const now = (await readClock(transaction, partitions)) + 1;
  transaction.send(tick, [partitions.first, now]);
  for (const p of partitions.all) transaction.send(passGate, [p, now]);
  for (const p of partitions.all) await fold(transaction, p);
  await vault.registries.refresh(transaction);
  await vault.labels.renew(transaction);
  /** Conversations are counted in the partition of their lists. */
  const figures = new Map(partitions.all.map((p) => [p, { convs: 0, msgs: 0, toks: 0 }]));
  const lists = new Set<PackId>();
  for (const p of partitions.all) {
    for (const row of await transaction.query(readHeads, [p])) {
      const sums = figures.get(partitions.ofPack(text(row['k'])));
      if (!sums) continue;
      lists.add(text(row['k']));
      sums.convs += 1;
      sums.msgs += int(row['msgs']);
      sums.toks += int(row['toks']);
    }
  }
  for (const p of partitions.all) {
    signal?.throwIfAborted();
    const counted = await count(vault, transaction, p, lists);
    Object.assign(counted.found.figures, figures.get(p) satisfies Partial<Figures> | undefined);
    await repairPrefixes(transaction, p);
    await repairKinds(transaction, p);
    await writeReferences(transaction, p, counted, vault.clock());
    await writeHashes(transaction, p, counted);
    await writeFigures(transaction, p, counted.found);
  }
}

/** Drops a finding: the check before the repair has reported it. */
const reported: Add = () => undefined;

/** Reads the rows of a partition that are the truth; lists that nothing has become those of the gone. */
async function count(
  { codec }: VaultParts,
  transaction: Transaction,
  p: number,
  lists: ReadonlySet<PackId>,
): Promise<Counted> {
  const counted: Counted = { stored: new Map(), held: new Map(), found: new Delta() };
  const { stored, held, found } = counted;
  const hold = (key: string, holders = 1) => held.set(key, (held.get(key) ?? 0) + holders);
  for (const { k, slot, holders } of await transaction.query(readHolders, [p]))
    hold(keyOf({ k: text(k), slot: int(slot) }) as string, int(holders));
  const gone = new Set((await transaction.query(readGone, [p])).map(({ k }) => text(k)));
  const lost = new Set<PackId>();
  for await (const row of partsOf(transaction, p)) {
    const [k, c] = [text(row['k']), text(row['c'])];
    const part = listPartFrom(row);
    found.figures.lists += part.list.length;
    if (c !== '0' && lists.has(c)) {
      const messages = guarded(reported, k, () => [...readList(part, k)]) ?? [];
      const named = messages.flatMap(({ segments }) => segments.map((place) => keyOf(place) as string));
      for (const key of new Set(named)) hold(key);
    } else if (c !== '0' && !gone.has(c)) lost.add(c);
    const pack = { dir: bytes(row['dir']), data: bytes(row['data']) };
    const frames = guarded(reported, k, () => decodePack(pack));
    for (const [slot, { frame, tokenCount }] of (frames ?? []).entries()) {
      if (frame.length === 0) continue;
      const hash = undefinedIfCorruptFrame(() => codec.hashOf(frame));
      stored.set(keyOf({ k, slot }) as string, { k, slot, tokenCount, frameBytes: frame.length, hash });
      found.countFrame(
        undefinedIfCorruptFrame(() => frameRegistryId(frame)),
        tokenCount,
        frame.length,
        1,
      );
    }
  }
  if (lost.size > 0) transaction.send(insertGone, [p, [...lost]]);
  return counted;
}
