import { randomInt } from 'node:crypto';
import { frameRegistryId } from '../../../codec/index.js';
import { isSegmentHash, present, type SegmentHash } from '../../../model/index.js';
import type { Change } from '../../contract/change.js';
import type { Part } from '../../shared/change-ops.js';
import { distinctHashes } from '../../shared/records.js';
import { int, type Statement } from '../database/driver.js';
import type { Transaction } from '../database/transaction.js';
import { headOf, uuidOf } from '../formats/ids.js';
import { gateNumber } from '../schema/kinds.js';
import { entriesOf, isIndexed } from './hashes.js';
import { type FoundPlace, gateRows, type PartitionState } from './lookup.js';
import type { VaultParts } from './parts.js';
import { Prefixes } from './prefixes.js';
import { Works } from './works.js';

/** Divides by zero unless a gate of the partition can be held. */
export const requireGate: Statement = {
  name: 'gate_require',
  text: `select 1 / count(*), max(x.ep) clock from
    (select ep from gate where p = $1 and ${gateNumber} = $2 for share) x`,
};
/** Divides by zero if there is a conversation of this id, or one of these segments. */
export const requireNew: Statement = {
  name: 'new_require',
  text: `select 1 / (case when count(*) = 0 then 1 else 0 end) from (
    select 1 a from conv where p = $1 and idh = $2
    union all select 1 a from ${entriesOf('$3')} e) x`,
};
/** Divides by zero if a request of this id is remembered. */
export const requireUnasked: Statement = {
  name: 'request_require',
  text: 'select 1 / (case when count(*) = 0 then 1 else 0 end) from req where p = $1 and rid = $2',
};
/**
 * Divides by zero unless these segments are stored under these places, and none is condemned. The gate that
 * is held is asked first: if it has the clock under which they were seen, none of them is looked up.
 */
export const requireKept: Statement = {
  name: 'segments_keep',
  text: `select 1 / (case
    when (select ep from gate where p = $1 and ${gateNumber} = $6) = $7::int8 then 1
    when (select count(*) from unnest($2::uuid[], $3::int8[], $4::int4[]) u(h, k, slot) where ${isIndexed}
      and (select f.condemned from ref f where f.p = $1 and f.k = u.k and f.slot = u.slot) is null) = $5::int then 1
    else 0 end)`,
};
/** Divides by zero unless these registries are stored, and none is about to go. */
const requireRegistries: Statement = {
  name: 'registries_require',
  text: `select 1 / (case when count(*) = $3::int then 1 else 0 end) from registry
    where p = $1 and id = any($2::int4[]) and dropping is null`,
};
/** Divides by zero unless these are all labels. */
const requireLabels: Statement = {
  name: 'labels_require',
  text: `select 1 / (case when count(*) = $3::int and count(*) filter (where l = any($2::int8[])) = $3::int
    then 1 else 0 end) from label where p = $1 and not dropped`,
};

/** A clock that no gate has. */
const noClock = -1;
/** Segments above which a store is not worth a second attempt. */
const segmentsMax = 4_096;

/** A store, and what this process believes of its partition. */
export interface OneTrip {
  readonly change: Change & Required<Pick<Change, 'put'>>;
  readonly p: number;
  readonly state: PartitionState;
}

/** Returns what a store in one trip would go by; undefined if this process knows too little. */
export function planOneTrip(
  { known, prefixes, partitions, labels }: VaultParts,
  change: Change,
): OneTrip | undefined {
  const { put, newSegments = [] } = change;
  if (!put || !isStoreAlone(change, put)) return undefined;
  const p = partitions.ofId(put.spec.id);
  const segments = new Map<SegmentHash, FoundPlace>();
  const brought = new Set(newSegments.map(({ hash }) => hash));
  const all = new Set([...distinctHashes(put.messages), ...brought]);
  if (all.size > segmentsMax) return undefined;
  const isIndexed = put.prefix !== undefined && put.prefix.length > 0;
  if (isIndexed && !prefixes.mayGuess()) return undefined;
  for (const hash of all) {
    if (!isSegmentHash(hash)) return undefined;
    const place = known.get(hash);
    if (place && partitions.ofPack(place.k) === p) segments.set(hash, { ...place, condemned: false });
    else if (!brought.has(hash)) return undefined;
  }
  const fresh = newSegments.filter(({ hash }) => !segments.has(hash));
  // Also those of frames that are not needed: a frame that names no stored registry is refused in any case.
  const registries = new Set(newSegments.flatMap(({ frame }) => frameRegistryId(frame) ?? []));
  const state: PartitionState = {
    segments,
    registries: new Map([...registries].map((id) => [id, false])),
    labels: labels.current.filter(({ isDropped }) => !isDropped),
  };
  return { change: { ...change, put, newSegments: fresh }, p, state };
}

/**
 * Begins a store in the same trip that commits it. What this process believes is checked by statements that
 * fail, and the whole transaction with them, before anything is written.
 */
export function beginOneTrip(
  transaction: Transaction,
  vault: VaultParts,
  { change, p, state: believed }: OneTrip,
): Works {
  const { put, request, newSegments = [] } = change;
  const { registries, labels } = believed;
  // Each attempt adds to a map of its own.
  const state: PartitionState = { ...believed, segments: new Map(believed.segments) };
  const { known, partitions } = vault;
  const gate = randomInt(gateRows);
  transaction.send(requireGate, [p, gate], undefined, ([row]) => (state.clock = int(row?.['clock'])));
  transaction.send(requireNew, [p, uuidOf(put.spec.id), newSegments.map(({ hash }) => headOf(hash))]);
  if (request) transaction.send(requireUnasked, [partitions.ofId(request.id), uuidOf(request.id)]);
  const keep = (hashes: readonly SegmentHash[], seenUnder: number) => {
    if (hashes.length === 0) return;
    const places = hashes.map((hash) => present(state.segments.get(hash), 'its place is believed'));
    const columns = [places.map(({ k }) => k), places.map(({ slot }) => slot)];
    transaction.send(requireKept, [p, hashes.map(headOf), ...columns, hashes.length, gate, seenUnder]);
  };
  const clock = known.clockOf(p) ?? noClock;
  const wasSeen = (hash: SegmentHash) => known.wasSeen(hash, clock, transaction.place);
  keep([...state.segments.keys()].filter(wasSeen), clock);
  keep(
    [...state.segments.keys()].filter((hash) => !wasSeen(hash)),
    noClock,
  );
  if (registries.size > 0) transaction.send(requireRegistries, [p, [...registries.keys()], registries.size]);
  transaction.send(requireLabels, [p, labels.map(({ l }) => l), labels.length]);
  const prefixes = Prefixes.believe(transaction, partitions, put, vault.prefixes);
  return Works.believe(transaction, vault, change, { p, state, prefixes });
}

const partsOfStore: ReadonlySet<string> = new Set(['put', 'newSegments', 'storedEarlier', 'request']);

/** True for a change that stores a conversation which is not there, and nothing besides. */
function isStoreAlone(change: Change, { expect }: Part<'put'>): boolean {
  if (expect.kind === 'revision' && expect.revision > 0) return false;
  return Object.entries(change).every(([part, value]) => value === undefined || partsOfStore.has(part));
}
