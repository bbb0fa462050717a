import { randomInt } from 'node:crypto';
import { isSegmentHash, type SegmentHash, StowkenError } from '../../../model/index.js';
import type { Change } from '../../contract/change.js';
import { int, type Row, type Statement, text } from '../database/driver.js';
import type { Transaction } from '../database/transaction.js';
import { type Head, headColumns, headFrom } from '../formats/head.js';
import { hashFrom, headOf, type Place, uuidOf } from '../formats/ids.js';

/** Rows of a vault's gate. Whoever names segments holds one; a collector takes all of them. */
export const gateRows = 64;

export const holdGate: Statement = {
  name: 'gate_hold',
  text: 'select g from gate where p = $1 and g = $2 for share',
};
const readRequest: Statement = {
  name: 'request_read',
  text: 'select at, digest, result from req where p = $1 and rid = $2',
};
export const findByHash: Statement = {
  name: 'segments_find',
  text: `select x.h, x.r, x.k, x.slot, x.tokens, f.condemned from hx x
    left join ref f on f.p = x.p and f.k = x.k and f.slot = x.slot where x.p = $1 and x.h = any($2::uuid[])`,
};
const lockHeads: Statement = {
  name: 'heads_lock',
  text: `select ${headColumns} from conv where p = $1 and idh = any($2::uuid[]) order by idh for update`,
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

/** The stored state that a change is about, as its transaction found it. */
export interface Lookup {
  readonly request: Row | undefined;
  readonly segments: Map<SegmentHash, FoundPlace>;
  readonly heads: Map<string, Head | undefined>;
  /** Ids of registries, and whether they are about to go. */
  readonly registries: ReadonlyMap<number, boolean>;
}

/**
 * Reads in one trip what a change needs to know, and locks the conversations that it names. Each statement
 * sees what was committed when it began: the conversations come before all else. If another server changed
 * one while its lock was waited for, the segments that it names now are found, and so is the request that
 * changed it.
 */
export async function look(
  transaction: Transaction,
  p: number,
  change: Change,
  rid: string,
): Promise<Lookup> {
  const hashes = [...hashesOf(change)].filter(isSegmentHash);
  const ids = idsOf(change);
  const [gate, heads, requests, found, registries] = await Promise.all([
    transaction.query(holdGate, [p, randomInt(gateRows)]),
    ids.size === 0 ? [] : transaction.query(lockHeads, [p, [...ids].map(uuidOf)]),
    rid === '' ? [] : transaction.query(readRequest, [p, rid]),
    hashes.length === 0 ? [] : transaction.query(findByHash, [p, hashes.map(headOf)]),
    transaction.query(readRegistries, [p]),
  ]);
  // The gate goes first when a vault is deleted: nothing is stored in one that is gone.
  if (gate.length === 0)
    throw new StowkenError('VAULT_NOT_FOUND', 'the vault was deleted', {
      resource_type: 'vault',
      resource_name: '',
    });
  return {
    request: requests[0],
    segments: placesFrom(found),
    heads: new Map(heads.map((row) => headFrom(row)).map((head) => [head.conversation.id, head])),
    registries: new Map(registries.map(({ id, dropping }) => [int(id), dropping !== null])),
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

function hashesOf({ newSegments, put, append, ...rest }: Change): Set<SegmentHash> {
  const hashes = new Set<SegmentHash>(rest.deleteSegments);
  for (const { hash } of newSegments ?? []) hashes.add(hash);
  for (const messages of [put?.messages, append?.messages])
    for (const { segments } of messages ?? []) for (const { hash } of segments) hashes.add(hash);
  for (const references of [rest.addReferences, rest.removeReferences])
    for (const { hash } of references ?? []) hashes.add(hash);
  return hashes;
}

export function idsOf(change: Change): Set<string> {
  const { put, append, fork } = change;
  const ids = [put?.spec.id, append?.id, fork?.id, fork?.newId, change.delete?.id];
  return new Set(ids.filter((id) => id !== undefined));
}
