import { present, type SegmentHash } from '../../../model/index.js';
import type { Change, SegmentKey } from '../../contract/change.js';
import { distinctHashes } from '../../shared/records.js';
import { unexpired } from '../../shared/manifest-rules.js';
import type { Transaction } from '../database/transaction.js';
import type { Head } from '../formats/head.js';
import { type PackId, placeOf } from '../formats/ids.js';
import type { ListPart } from '../read/stored-list.js';
import { copiesFrom } from './copies.js';
import { holdLease } from '../leases/exclusive.js';
import { hashesOf, lookForNamed, lookInto, type Named, type PartitionState } from './lookup.js';
import type { VaultParts } from './parts.js';
import { Prefixes } from './prefixes.js';
import { Work } from './work.js';

/** One change on its way: the conversations that it names, and its work in each partition it is about. */
export class Works {
  readonly #works = new Map<number, Work>();
  /** Names of the kinds of conversations that the change has added, unless they are there. */
  readonly kinds: string[] = [];
  #prefixes: Prefixes | undefined;
  #heads = new Map<string, Head | undefined>();
  #listGone: readonly ListPart[] = [];

  private constructor(
    readonly transaction: Transaction,
    readonly vault: VaultParts,
    readonly change: Change,
    readonly nowMs: number,
  ) {}

  /** Locks and reads what a change is about: in one trip, unless it is about forks. */
  static async begin(
    transaction: Transaction,
    vault: VaultParts,
    change: Change,
    requestId: string | undefined,
  ): Promise<{ readonly works: Works; readonly named: Named }> {
    const asked = lookForNamed(transaction, vault.partitions, change, requestId);
    const works = new Works(transaction, vault, change, vault.clock());
    const { fence } = change;
    const [named, , prefixes] = await Promise.all([
      asked,
      works.#open(partitionsOf(vault, change)),
      Prefixes.begin(transaction, vault.partitions, change),
      fence && holdLease(transaction, vault.partitions.first, fence),
    ]);
    works.#heads = named.heads;
    works.#listGone = named.listGone;
    works.#prefixes = prefixes;
    const { partitions } = vault;
    const lists = [...named.heads.values()].flatMap((head) => (head ? [partitions.ofPack(head.k)] : []));
    await works.#open(new Set(lists));
    works.#assign();
    await works.#copy();
    return { works, named };
  }

  /** Begins with what is believed of one partition, and with no conversation that is there. */
  static believe(
    transaction: Transaction,
    vault: VaultParts,
    change: Change,
    { p, state, prefixes }: { p: number; state: PartitionState; prefixes: Prefixes },
  ): Works {
    const works = new Works(transaction, vault, change, vault.clock());
    works.#works.set(p, new Work(transaction, vault, p, state, works.nowMs));
    works.#prefixes = prefixes;
    works.#assign();
    return works;
  }

  head(id: string): Head | undefined {
    return this.#heads.get(id);
  }

  /** Returns the parts of a list with so many messages, if they were read with its conversation. */
  listRead(k: PackId, messages: number): readonly ListPart[] | undefined {
    const read = this.#listGone.reduce((sum, part) => sum + part.messages, 0);
    return this.#listGone[0]?.k === k && read === messages ? this.#listGone : undefined;
  }

  setHead(id: string, head: Head | undefined): void {
    this.#heads.set(id, head);
  }

  /** The change's part in the prefix index. */
  get prefixes(): Prefixes {
    return present(this.#prefixes, 'works have begun');
  }

  /** All that are open, by rising partitions. */
  get all(): Work[] {
    return [...this.#works].sort(([a], [b]) => a - b).map(([, work]) => work);
  }

  at(p: number): Work {
    const work = this.#works.get(p);
    if (work) return work;
    throw new Error(`partition ${p} was not looked into`);
  }

  /** Returns the work in the partition of a pack or a list. */
  ofPack(k: string): Work {
    return this.at(this.vault.partitions.ofPack(k));
  }

  /** Returns the work in the partition in which a put has its list: beside the list that it replaces. */
  ofPut({ spec, expiry }: NonNullable<Change['put']>): Work {
    const existing = unexpired(this.head(spec.id), expiry);
    return existing ? this.ofPack(existing.k) : this.at(this.vault.partitions.ofId(spec.id));
  }

  /** Returns the work in the partition where a segment has its outside holders. */
  ofHash(hash: SegmentHash): Work {
    return this.at(this.vault.partitions.ofHash(hash));
  }

  /** Id of a row that is there if and only if the change was made; undefined if it has none. */
  get witness(): string | undefined {
    return this.all.find(({ witness }) => witness !== undefined)?.witness;
  }

  /** Sends what was counted so far, and adds it to the counts of all these partitions. */
  async fold(): Promise<void> {
    await Promise.all(this.all.map((work) => work.fold()));
  }

  async #open(partitions: Iterable<number>): Promise<void> {
    const closed = [...partitions].filter((p) => !this.#works.has(p)).sort((a, b) => a - b);
    const hashes = hashesOf(this.change);
    await Promise.all(
      closed.map(async (p) => {
        const state = await lookInto(this.transaction, p, hashes);
        this.#works.set(p, new Work(this.transaction, this.vault, p, state, this.nowMs));
      }),
    );
  }

  /** Gives each of the new segments, in their order, to the partitions of those that name it. */
  #assign(): void {
    const { newSegments = [], put, append } = this.change;
    if (newSegments.length === 0) return;
    const wanted = [...this.#wanted()];
    const main = (put ?? append) && (wanted[0]?.[0] ?? this.all[0]);
    for (const segment of newSegments) {
      const naming = wanted.filter(([, hashes]) => hashes.has(segment.hash)).map(([work]) => work);
      if (naming.length === 0) naming.push(main ?? this.#ofUnnamed(segment.hash));
      for (const work of naming) work.incoming.push(segment);
    }
  }

  /** Returns the work in the partition of a segment that nothing names yet. */
  #ofUnnamed(hash: SegmentHash): Work {
    const { partitions } = this.vault;
    const { segmentsOf } = this.change;
    return this.at(segmentsOf === undefined ? partitions.ofHash(hash) : partitions.ofId(segmentsOf));
  }

  /** Segments that manifests and outside holders are to name, by the partition in which they are needed. */
  #wanted(): Map<Work, Set<SegmentHash>> {
    const { put, append, addReferences = [] } = this.change;
    const wanted = new Map<Work, Set<SegmentHash>>();
    const add = (work: Work, hashes: Iterable<SegmentHash>) => {
      const all = wanted.get(work) ?? new Set<SegmentHash>();
      for (const hash of hashes) all.add(hash);
      wanted.set(work, all);
    };
    if (put) add(this.ofPut(put), distinctHashes(put.messages));
    const list = append && this.head(append.id);
    if (append && list) add(this.ofPack(list.k), distinctHashes(append.messages));
    for (const { hash } of addReferences) add(this.ofHash(hash), [hash]);
    return wanted;
  }

  /** Copies what is stored in other partitions, and not in the one where it is named. */
  async #copy(): Promise<void> {
    if (this.vault.partitions.count === 1) return;
    for (const [work, hashes] of this.#wanted()) {
      const incoming = new Set(work.incoming.map(({ hash }) => hash));
      const missing = [...hashes].filter((hash) => !work.segment(hash) && !incoming.has(hash));
      if (missing.length > 0) work.copies.push(...(await copiesFrom(work, missing)));
    }
  }
}

/** Returns the partitions that a change is about, as far as it says so itself. */
function partitionsOf({ partitions }: VaultParts, change: Change): Set<number> {
  const { put, append, fork, addReferences, removeReferences, deleteSegments } = change;
  const { putRegistry, dropRegistries, replaceFrames, collect, newSegments, segmentsOf } = change;
  // These are counted over all of them, or each has a row of them.
  if (addReferences ?? removeReferences ?? deleteSegments ?? putRegistry ?? dropRegistries)
    return new Set(partitions.all);
  const found = new Set<number>();
  const ids = [put?.spec.id, append?.id, fork?.id, change.delete?.id];
  for (const id of ids) if (id !== undefined) found.add(partitions.ofId(id));
  const keys: readonly SegmentKey[] = [
    ...(replaceFrames ?? []).map(({ key }) => key),
    ...(collect?.keys ?? []),
  ];
  for (const key of keys) {
    const place = placeOf(key);
    if (place) found.add(partitions.ofPack(place.k));
  }
  if (segmentsOf !== undefined) found.add(partitions.ofId(segmentsOf));
  else if (!put && !append) for (const { hash } of newSegments ?? []) found.add(partitions.ofHash(hash));
  if (found.size === 0) found.add(partitions.first);
  return found;
}
