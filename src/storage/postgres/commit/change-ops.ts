import { limits, present, type SegmentHash } from '../../../model/index.js';
import { registryIdOf } from '../../../codec/index.js';
import type { Change, DeletionOutcome, FrameReplacement, OutsideReference } from '../../contract/change.js';
import type { ChangeOpsInTurn, ManifestPlanInTurn, Part } from '../../shared/change-ops.js';
import type { UsageEvent } from '../../shared/usage.js';
import { bury, sweepLists } from '../collect/bury.js';
import { placesOf } from '../collect/condemn.js';
import { int, type Statement } from '../database/driver.js';
import { headOf, keyOf } from '../formats/ids.js';
import { deleteRegistries, insertRegistry, keepRegistries, lockDropped } from '../read/registries.js';
import { isGarbage } from '../schema/garbage.js';
import { countsOf } from './counts.js';
import { Manifests } from './manifests.js';
import { hashesOf } from './lookup.js';
import { changeHolders } from './references.js';
import type { Replacements } from './replace-frames.js';
import { keptTokenizer, putTokenizer } from './tokenizers.js';
import { countUsage } from './usage.js';
import { requireStored, reviveSegments, type Work } from './work.js';
import type { Works } from './works.js';

const renewGarbage: Statement = {
  name: 'garbage_renew',
  text: `update ref set since = $2 from unnest($3::int8[], $4::int4[]) u(k, slot)
    where ref.p = $1 and ref.k = u.k and ref.slot = u.slot and ${isGarbage} and since < $2`,
};

/**
 * Makes a change in one transaction on a database: most of it is sent without waiting for an answer. Which
 * segments are stored was looked up when its works were begun. `replacements` are checked. `barrier` is the
 * tick of what the change had condemned.
 */
export class PostgresChangeOps implements ChangeOpsInTurn<void> {
  readonly #manifests: Manifests;

  constructor(
    private readonly works: Works,
    private readonly replacements: Replacements | undefined,
    private readonly barrier: number,
  ) {
    this.#manifests = new Manifests(works);
  }

  /** Registries that this very change may drop stay, if it replaces frames by frames of it. */
  hasRegistry(id: number): boolean {
    const dropped = this.works.change.dropRegistries?.includes(id) ?? false;
    return this.works.all.every(({ state: { registries } }) => {
      const dropping = registries.get(id);
      return dropping === false || (dropping !== undefined && dropped);
    });
  }

  lastRegistryId(): number {
    return Math.max(0, ...this.works.all.flatMap(({ state: { registries } }) => [...registries.keys()]));
  }

  /** One that the same change drops is marked at once: nobody else knows it yet. */
  putRegistry({ bytes, timeMs }: Part<'putRegistry'>): void {
    const id = registryIdOf(bytes);
    const dropping = this.works.change.dropRegistries?.includes(id) ? 0 : null;
    for (const { transaction, p } of this.works.all)
      transaction.send(insertRegistry, [p, id, timeMs, bytes, dropping]);
  }

  dropRegistries(ids: readonly number[]): Promise<number[]> {
    return dropRegistries(this.works, ids, this.barrier);
  }

  keptTokenizer(name: string) {
    const { transaction, vault } = this.works;
    return keptTokenizer((statement, values) => transaction.query(statement, values), vault, name);
  }

  putTokenizer(tokenizer: Part<'putTokenizer'>): void {
    putTokenizer(this.works, tokenizer);
  }

  resolveIncoming(): void {}

  storeIncoming(): void {
    for (const work of this.works.all) {
      revive(work, this.works.change);
      work.storeSegments();
    }
  }

  markUnreferenced(): void {
    for (const work of this.works.all) renew(work);
  }

  async planPut(put: Part<'put'>): Promise<ManifestPlanInTurn> {
    const unchanged = await this.#manifests.checkPut(put);
    return {
      ...(unchanged && { unchanged }),
      write: () => this.#manifests.put(put),
      prefixTokens: () => this.#prefixTokens(put),
    };
  }

  planAppend(append: Part<'append'>): ManifestPlanInTurn {
    this.#manifests.checkAppend(append);
    return {
      write: () => this.#manifests.append(append),
      prefixTokens: () => this.#prefixTokens(append),
    };
  }

  async planFork(fork: Part<'fork'>): Promise<ManifestPlanInTurn> {
    const unchanged = await this.#manifests.checkFork(fork);
    return { ...(unchanged && { unchanged }), write: () => this.#manifests.fork(fork) };
  }

  checkDelete(conversation: Part<'delete'>): void {
    this.#manifests.checkDelete(conversation);
  }

  deleteConversation(conversation: Part<'delete'>) {
    return this.#manifests.delete(conversation);
  }

  countUsage(event: UsageEvent): void {
    countUsage(this.works, event);
  }

  addReferences(references: readonly OutsideReference[]) {
    return changeHolders(this.works, references, 1);
  }

  removeReferences(references: readonly OutsideReference[]) {
    return changeHolders(this.works, references, -1);
  }

  /** Transactions keep references consistent, so there is nothing to check. */
  checkReferencesKnown(): void {}

  deleteSegments(hashes: readonly SegmentHash[], clockMax: number) {
    return deleteSegments(this.works, this.replacements, hashes, clockMax);
  }

  collect(part: Part<'collect'>, clockMax: number) {
    return collect(this.works, part, clockMax);
  }

  replaceFrames(replacements: readonly FrameReplacement[]): boolean[] {
    return present(this.replacements, 'replacements were checked', replacements.length).replace();
  }

  #prefixTokens({ prefix }: Part<'put'> | Part<'append'>): number {
    return prefix ? this.works.prefixes.shared * limits.prefixBlockTokens : 0;
  }
}

/**
 * Takes back the condemnation of what the change brings, or refers to from now on: it is locked until the
 * change is made. To lose a reference, or to be deleted, keeps nothing.
 */
function revive({ state, transaction, p }: Work, change: Change): void {
  const kept = new Set(hashesOf({ ...change, removeReferences: [], deleteSegments: [] }));
  const condemned = [...state.segments].filter(([hash, place]) => place.condemned && kept.has(hash));
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
  replacements: Replacements | undefined,
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
    replacements?.forget(buried.places);
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

async function dropRegistries(works: Works, ids: readonly number[], barrier: number): Promise<number[]> {
  await works.fold();
  const { transaction, all } = works;
  const answers = await Promise.all(all.map(({ p }) => transaction.query(lockDropped, [p, ids, barrier])));
  const unused = new Set(ids);
  for (const rows of answers) {
    const here = new Set(rows.filter(({ segs }) => int(segs) === 0).map(({ id }) => int(id)));
    for (const id of unused) if (!here.has(id)) unused.delete(id);
  }
  for (const { p } of all) {
    if (unused.size > 0) transaction.send(deleteRegistries, [p, [...unused]]);
    transaction.send(keepRegistries, [p, ids, barrier]);
  }
  return ids.filter((id) => unused.delete(id));
}
