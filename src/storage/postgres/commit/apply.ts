import { present, type SegmentHash, StowkenError, tokenizerChanged } from '../../../model/index.js';
import type { Change, ChangeResult, DeletionOutcome, KeptTokenizer } from '../../contract/change.js';
import { isUnchanged, withEarlier, type Part } from '../../shared/apply-change.js';
import type { ResultDraft } from '../../shared/change-results.js';
import { checkRegistries } from '../../shared/registry-checks.js';
import { placesOf } from '../collect/condemn.js';
import { bury, sweepLists } from '../collect/bury.js';
import { bytes, int, type Statement } from '../database/driver.js';
import { headOf, keyOf } from '../formats/ids.js';
import { registryIdOf } from '../../../codec/index.js';
import { deleteRegistries, insertRegistry, keepRegistries, lockDropped } from '../read/registries.js';
import { Manifests } from './manifests.js';
import { countsOf } from './counts.js';
import { changeHolders } from './references.js';
import type { Replacements } from './replace-frames.js';
import { countUsage } from './usage.js';
import { requireStored, reviveSegments, type Work } from './work.js';
import type { Works } from './works.js';

const renewGarbage: Statement = {
  name: 'garbage_renew',
  text: `update ref set since = $2 from unnest($3::int8[], $4::int4[]) u(k, slot)
    where ref.p = $1 and ref.k = u.k and ref.slot = u.slot and ref.n <= 0 and ref.since < $2`,
};
export const readTokenizer: Statement = {
  name: 'tokenizer_read',
  text: 'select sha256, packed from tokenizer where p = $1 and name = $2',
};
const insertTokenizer: Statement = {
  name: 'tokenizer_insert',
  text: 'insert into tokenizer (p, name, sha256, packed) values ($1, $2, $3, $4)',
};

export interface Applied {
  readonly result: ChangeResult;
  /** True if nothing but the memory of a request is to be written. */
  readonly unchanged: boolean;
}

/**
 * Checks the preconditions of a change, in the order that StorageBackend.commit documents, and sends what it
 * writes, in the order of Change's fields. `replacements` are checked. `clockMax` is the tick up to which
 * what was condemned has no readers.
 */
export async function applyChange(
  works: Works,
  replacements: Replacements | undefined,
  clockMax: number,
): Promise<Applied> {
  const { change } = works;
  const manifests = new Manifests(works);
  requireRegistries(works);
  const tokenizer = change.putTokenizer && (await newTokenizer(works, change.putTokenizer));
  const unchangedPut = change.put && (await manifests.checkPut(change.put));
  if (change.append) manifests.checkAppend(change.append);
  const unchangedFork = change.fork && (await manifests.checkFork(change.fork));
  if (change.delete) manifests.checkDelete(change.delete);
  const result: ResultDraft = {};
  if (unchangedPut) result.put = unchangedPut;
  if (unchangedFork) result.fork = unchangedFork;
  const put = unchangedPut && { unchanged: unchangedPut };
  const fork = unchangedFork && { unchanged: unchangedFork };
  if (isUnchanged(change, put, fork)) return { result, unchanged: true };

  for (const work of works.all) {
    revive(work, change);
    work.storeSegments();
  }
  if (change.put && !unchangedPut)
    result.put = withEarlier(await manifests.put(change.put), change.storedEarlier);
  if (change.append) result.append = withEarlier(await manifests.append(change.append), change.storedEarlier);
  if (change.fork && !unchangedFork) result.fork = await manifests.fork(change.fork);
  countUsage(works, change, result);
  if (change.delete) result.delete = await manifests.delete(change.delete);
  if (change.addReferences) result.addReferences = await changeHolders(works, change.addReferences, 1);
  for (const work of works.all) renew(work);
  if (change.removeReferences)
    result.removeReferences = await changeHolders(works, change.removeReferences, -1);
  if (change.deleteSegments)
    result.deleteSegments = await deleteSegments(works, change.deleteSegments, clockMax);
  if (change.putRegistry) for (const work of works.all) putRegistry(work, change.putRegistry);
  if (tokenizer) putTokenizer(works, tokenizer);
  if (replacements) result.replaceFrames = replacements.replace();
  if (change.dropRegistries) result.dropRegistries = await dropRegistries(works, change.dropRegistries);
  if (change.collect) result.collect = await collect(works, change.collect, clockMax);
  for (const work of works.all) {
    work.sendRows();
    work.sendDelta();
  }
  return { result, unchanged: false };
}

/** @throws StowkenError REGISTRY_CONFLICT */
function requireRegistries({ change, all }: Works): void {
  const dropped = new Set(change.dropRegistries);
  checkRegistries(
    change,
    // Registries that this very change may drop stay, if it replaces frames by frames of it.
    (id) =>
      all.every(({ state: { registries } }) => {
        const dropping = registries.get(id);
        return dropping === false || (dropping !== undefined && dropped.has(id));
      }),
    () => Math.max(0, ...all.flatMap(({ state: { registries } }) => [...registries.keys()])),
  );
}

/** Takes back the condemnation of what the change names or brings: it is locked until the change is made. */
function revive({ state, transaction, p }: Work, change: Change): void {
  const only = new Set(change.deleteSegments);
  const condemned = [...state.segments].filter(([hash, place]) => place.condemned && !only.has(hash));
  if (condemned.length === 0) return;
  const columns = [condemned.map(([, { k }]) => k), condemned.map(([, { slot }]) => slot)];
  transaction.send(reviveSegments, [p, ...columns]);
  // A collector that had the lock first has deleted them: then the change begins once more.
  transaction.send(requireStored, [p, condemned.map(([hash]) => headOf(hash)), ...columns, condemned.length]);
  for (const [hash, place] of condemned) state.segments.set(hash, { ...place, condemned: false });
}

/** Makes those of the change's segments garbage from now on that were garbage before. */
function renew(work: Work): void {
  const brought = work.incoming.map(({ hash }) => work.segment(hash));
  const places = brought.filter((place) => place !== undefined);
  if (places.length === 0 || work.added.length === places.length) return;
  const columns = [places.map(({ k }) => k), places.map(({ slot }) => slot)];
  work.transaction.send(renewGarbage, [work.p, work.nowMs, ...columns]);
}

async function deleteSegments(
  works: Works,
  hashes: readonly SegmentHash[],
  clockMax: number,
): Promise<DeletionOutcome[]> {
  await works.fold();
  const found = hashes.map(() => ({ stored: false, refCount: 0, left: 0 }));
  for (const work of works.all) {
    const places = hashes.map((hash) => work.segment(hash));
    const stored = places.filter((place) => place !== undefined);
    const counts = await countsOf(work.transaction, work.p, stored);
    const buried = await bury(work, stored, Infinity, clockMax);
    for (const [at, place] of places.entries()) {
      if (!place) continue;
      const each = present(found[at], 'one for each hash');
      each.stored = true;
      each.refCount += Math.max(0, counts(place));
      if (!buried.places.has(keyOf(place) as string)) each.left += 1;
    }
  }
  const seen = new Set<SegmentHash>();
  return found.map(({ stored, refCount, left }, at) => {
    const hash = present(hashes[at], 'one for each');
    const deleted = left === 0;
    // Named twice, it is not stored any more the second time.
    if (!stored || (deleted && seen.has(hash))) return undefined;
    seen.add(hash);
    return { deleted, refCount };
  });
}

async function collect(works: Works, { keys, garbageBeforeMs }: Part<'collect'>, clockMax: number) {
  await works.fold();
  const all = placesOf(keys);
  const result = { segments: 0, frameBytes: 0 };
  for (const work of works.all) {
    const own = all.filter(({ k }) => works.vault.partitions.ofPack(k) === work.p);
    const { places, frameBytes } = await bury(work, own, garbageBeforeMs, clockMax);
    await sweepLists(work, clockMax);
    result.segments += places.size;
    result.frameBytes += frameBytes;
  }
  return result;
}

function putRegistry({ transaction, p }: Work, { bytes, timeMs }: Part<'putRegistry'>): void {
  transaction.send(insertRegistry, [p, registryIdOf(bytes), timeMs, bytes]);
}

async function dropRegistries(works: Works, ids: readonly number[]): Promise<number[]> {
  await works.fold();
  const { transaction, all } = works;
  const answers = await Promise.all(all.map(({ p }) => transaction.query(lockDropped, [p, ids])));
  const unused = new Set(ids);
  for (const rows of answers) {
    const here = new Set(rows.filter(({ segs }) => int(segs) === 0).map(({ id }) => int(id)));
    for (const id of unused) if (!here.has(id)) unused.delete(id);
  }
  for (const { p } of all) {
    if (unused.size > 0) transaction.send(deleteRegistries, [p, [...unused]]);
    transaction.send(keepRegistries, [p, ids]);
  }
  return ids.filter((id) => unused.delete(id));
}

/** @throws StowkenError TOKENIZER_CHANGED if another vocabulary is kept under the name */
async function newTokenizer({ transaction, vault }: Works, tokenizer: Part<'putTokenizer'>) {
  const values = [vault.partitions.first, Buffer.from(tokenizer.name)];
  const [row] = await transaction.query(readTokenizer, values);
  if (!row) return tokenizer;
  const kept = keptFrom(row);
  if (kept.sha256 !== tokenizer.sha256) throw tokenizerChanged(tokenizer.name, kept.sha256, tokenizer.sha256);
  return undefined;
}

export function keptFrom(row: Readonly<Record<string, unknown>>): KeptTokenizer {
  return { sha256: bytes(row['sha256']).toString('hex'), packed: Uint8Array.from(bytes(row['packed'])) };
}

function putTokenizer({ transaction, vault }: Works, tokenizer: Part<'putTokenizer'>): void {
  const { name, sha256, packed } = tokenizer;
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw new StowkenError('INTERNAL', 'no SHA-256 in hex');
  const p = vault.partitions.first;
  transaction.send(insertTokenizer, [p, Buffer.from(name), Buffer.from(sha256, 'hex'), packed]);
}
