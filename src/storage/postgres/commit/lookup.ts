import { randomInt } from 'node:crypto';
import { isSegmentHash, type SegmentHash, StowkenError } from '../../../model/index.js';
import type { Change } from '../../contract/change.js';
import { int, type Row, type Statement, text } from '../database/driver.js';
import type { Transaction } from '../database/transaction.js';
import { type Head, headColumns, headFrom } from '../formats/head.js';
import { hashFrom, headOf, type Place, uuidOf } from '../formats/ids.js';
import { type Label, labelFrom } from '../formats/labels.js';
import { type ListPart, listPartFrom, readListOfHead } from '../read/stored-list.js';
import { entriesOf } from './hashes.js';
import type { Partitions } from '../partitions.js';
import { gateNumber } from '../schema/kinds.js';

/** Rows of a partition's gate. Whoever names segments holds one; a collector takes all of them. */
export const gateRows = 64;

export const holdGate: Statement = {
  name: 'gate_hold',
  text: `select ep clock from gate where p = $1 and ${gateNumber} = $2 for share`,
};
const readRequest: Statement = {
  name: 'request_read',
  text: 'select at, digest, result from req where p = $1 and rid = $2',
};
export const findByHash: Statement = {
  name: 'segments_find',
  text: `select x.h, x.r, x.k, x.slot, x.tokens,
      (select f.condemned from ref f where f.p = x.p and f.k = x.k and f.slot = x.slot) condemned
    from ${entriesOf('$2')} x where x.p = $1`,
};
const lockHeads: Statement = {
  name: 'heads_lock',
  text: `select ${headColumns} from conv where p = $1 and idh = any($2::uuid[]) order by idh for update`,
};
export const readLabels: Statement = {
  name: 'labels_read',
  text: 'select l, name, ready, dropped from label where p = $1 order by l',
};
const readRegistries: Statement = {
  name: 'registries_state',
  text: 'select id, dropping from registry where p = $1',
};

export interface FoundPlace extends Place {
  readonly tokenCount: number;
  /** True if a collector has condemned it: it must be revived before anything names it. */
  readonly condemned: boolean;
}

/** State of a partition that a change is about, as its transaction found it. */
export interface PartitionState {
  readonly segments: Map<SegmentHash, FoundPlace>;
  /** Ids of registries, and whether they are about to go. */
  readonly registries: ReadonlyMap<number, boolean>;
  /** Labels of the vault, but for those that are being removed. */
  readonly labels: readonly Label[];
  /** Clock of the gate that the change holds; undefined if it holds none, or does not know yet. */
  clock?: number;
}

/** Conversations that a change is about, and the request that made it before. */
export interface Named {
  readonly request: Row | undefined;
  readonly heads: Map<string, Head | undefined>;
  /** Parts of the list of the conversation to delete, as far as they are beside its row. */
  readonly listGone: readonly ListPart[];
}

/**
 * Locks the conversations that a change names, and reads the request. Each statement of a transaction sees
 * what was committed when it began: the conversations come before all else. If another server changed one
 * while its lock was waited for, the segments that it names now are found, and so is the request that changed
 * it.
 */
export async function lookForNamed(
  transaction: Transaction,
  partitions: Partitions,
  change: Change,
  requestId: string | undefined,
): Promise<Named> {
  const groups = partitions.group(idsOf(change), (id) => partitions.ofId(id));
  const locks = [...groups].map(([p, ids]) => transaction.query(lockHeads, [p, ids.map(uuidOf)]));
  const asked =
    requestId === undefined
      ? []
      : transaction.query(readRequest, [partitions.ofId(requestId), uuidOf(requestId)]);
  const { delete: gone } = change;
  const list = gone && transaction.query(readListOfHead, [partitions.ofId(gone.id), uuidOf(gone.id)]);
  const [requests, parts = [], ...heads] = await Promise.all([asked, list, ...locks]);
  const found = heads.flat().map(headFrom);
  return {
    request: requests[0],
    heads: new Map(found.map((head) => [head.conversation.id, head])),
    listGone: parts.map(listPartFrom),
  };
}

/** Takes a partition's gate, and reads in the same trip what a change needs to know of the partition. */
export async function lookInto(
  transaction: Transaction,
  p: number,
  hashes: readonly SegmentHash[],
): Promise<PartitionState> {
  const [gate, found, registries, labels] = await Promise.all([
    transaction.query(holdGate, [p, randomInt(gateRows)]),
    hashes.length === 0 ? [] : transaction.query(findByHash, [p, hashes.map(headOf)]),
    transaction.query(readRegistries, [p]),
    transaction.query(readLabels, [p]),
  ]);
  // The gates go first when a vault is deleted: nothing is stored in one that is gone.
  if (gate.length === 0)
    throw new StowkenError('VAULT_NOT_FOUND', 'the vault was deleted', {
      resource_type: 'vault',
      resource_name: '',
    });
  return {
    segments: placesFrom(found),
    registries: new Map(registries.map(({ id, dropping }) => [int(id), dropping !== null])),
    labels: labels.map(labelFrom).filter(({ isDropped }) => !isDropped),
    clock: int(gate[0]?.['clock']),
  };
}

export function placesFrom(rows: readonly Row[]): Map<SegmentHash, FoundPlace> {
  return new Map(
    rows.map(({ h, r, k, slot, tokens, condemned }) => [
      hashFrom(h, r),
      { k: text(k), slot: int(slot), tokenCount: int(tokens), condemned: condemned !== null },
    ]),
  );
}

/** Returns the segments that a change names or brings. */
export function hashesOf({ newSegments, put, append, ...rest }: Change): SegmentHash[] {
  const hashes = new Set<SegmentHash>(rest.deleteSegments);
  for (const { hash } of newSegments ?? []) hashes.add(hash);
  for (const messages of [put?.messages, append?.messages])
    for (const { segments } of messages ?? []) for (const { hash } of segments) hashes.add(hash);
  for (const references of [rest.addReferences, rest.removeReferences])
    for (const { hash } of references ?? []) hashes.add(hash);
  return [...hashes].filter(isSegmentHash);
}

export function idsOf(change: Change): Set<string> {
  const { put, append, fork } = change;
  const ids = [put?.spec.id, append?.id, fork?.id, fork?.newId, change.delete?.id];
  return new Set(ids.filter((id) => id !== undefined));
}
