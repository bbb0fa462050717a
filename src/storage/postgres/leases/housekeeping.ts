import { fold } from '../commit/fold.js';
import type { VaultParts } from '../commit/parts.js';
import { forgetAnswered, forgetOldRequests, forgottenAtOnce } from '../commit/requests.js';
import { fillChunks, isWorthChunks, whileServing } from '../collect/fill-chunks.js';
import { sweepPartition } from '../collect/sweep.js';
import { int, type Statement } from '../database/driver.js';
import { uuidOf } from '../formats/ids.js';
import type { ExclusiveLease } from '../../contract/backend.js';
import { takeLease } from './exclusive.js';
import { buildLabels } from './build-labels.js';
import { keepRegistries } from '../read/registries.js';

/**
 * Beats between two looks at what is to be done, and two looks for old requests; time after which a dropper
 * is taken for dead.
 */
const [beatsBetween, beatsToForget] = [5, 60] as const;
const droppersMs = 60_000;
/**
 * Growth of a partition's segments, and their least number, after which its index by hash is looked at; and
 * the time: as many may have come as were deleted.
 */
const [chunkGrowth, chunkMin, chunksMs] = [1.1, 256, 3_600_000] as const;

const look: Statement = {
  name: 'house_look',
  text: `select exists (select 1 from delta where p = $1) deltas, exists (select 1 from gone where p = $1) lists,
      segs from totals where p = $1`,
};
const readDropping: Statement = {
  name: 'house_dropping',
  text: 'select id, dropping from registry where p = $1 and dropping is not null',
};

/**
 * Work that no change waits for, done with the beats of a server: it learns of registries that others added,
 * folds, forgets old requests, deletes the lists of conversations that are gone, and takes back the marks of
 * droppers that died. What is about all partitions, one server of all does, until it is gone.
 */
export class Housekeeping {
  #beats = 0;
  #building: Promise<void> | undefined;
  readonly #ended = new AbortController();
  #lease: ExclusiveLease | undefined;
  readonly #chunksAt = new Map<number, { readonly segments: number; readonly timeMs: number }>();
  readonly #dropping = new Map<string, number>();

  constructor(private readonly vault: VaultParts) {}

  async onBeat(): Promise<void> {
    const { registries, labels } = this.vault;
    await registries.refresh();
    await labels.refresh();
    if (labels.current.some(({ isReady }) => !isReady)) this.#buildLabels();
    this.#beats += 1;
    if (this.#beats % beatsBetween > 0) return;
    await this.forgetAnswered();
    if (this.#beats % beatsToForget === 0) await this.#forgetOldRequests();
    if (await this.#leads()) await this.#lookAtAll();
  }

  /** Looks at all partitions for what is to be done. */
  async #lookAtAll(): Promise<void> {
    const { database, partitions } = this.vault;
    const found = await database.queries(partitions.all.map((p) => [look, [p]]));
    for (const [index, p] of partitions.all.entries()) {
      const [row] = found[index] ?? [];
      if (row?.['lists'] === true) await sweepPartition(this.vault, p);
      else if (row?.['deltas'] === true) await database.transact((transaction) => fold(transaction, p));
      await this.#fillChunks(p, int(row?.['segs'] ?? 0));
    }
    await this.#keepRegistries();
  }

  /** Puts loose entries of the index by hash into chunks when they are many: looks when there may be. */
  async #fillChunks(p: number, segments: number): Promise<void> {
    const nowMs = this.vault.clock();
    const next = this.#chunksAt.get(p) ?? { segments: 0, timeMs: 0 };
    const lookAt = Math.min(next.segments, segments * chunkGrowth);
    if (segments < lookAt && nowMs < next.timeMs)
      return void this.#chunksAt.set(p, { segments: lookAt, timeMs: next.timeMs });
    if (await isWorthChunks(this.vault, p, whileServing)) await fillChunks(this.vault, p, this.#ended.signal);
    const grown = Math.max(segments * chunkGrowth, segments + chunkMin);
    this.#chunksAt.set(p, { segments: grown, timeMs: nowMs + chunksMs });
  }

  /** Forgets requests that are older than this server remembers those that it was sent. */
  async #forgetOldRequests(): Promise<void> {
    const { database, partitions, requests } = this.vault;
    const { latest } = requests;
    if (!latest) return;
    const memoryMs = latest.timeMs - latest.notBeforeMs;
    let left: readonly number[] = partitions.all;
    while (left.length > 0) {
      const bounds = [latest.timeMs - memoryMs, latest.timeMs + memoryMs];
      const answers = await database.queries(left.map((p) => [forgetOldRequests, [p, ...bounds]]));
      left = left.filter((_, at) => answers[at]?.length === forgottenAtOnce);
    }
  }

  /** Ends what goes on beside the beats. */
  async end(): Promise<void> {
    this.#ended.abort();
    await this.#building;
    await this.#lease?.release().catch(() => {});
  }

  /** Takes the right to the work about all partitions, if nobody has it. */
  async #leads(): Promise<boolean> {
    if (this.#lease?.lost.aborted === false) return true;
    const { database, partitions } = this.vault;
    this.#lease = await takeLease(database, partitions.first, 'housekeeping');
    if (this.#ended.signal.aborted) await this.#lease?.release();
    return this.#lease !== undefined && !this.#ended.signal.aborted;
  }

  /** Builds indexes while beats go on. One that ends early is built on by another server, or later. */
  #buildLabels(): void {
    this.#building ??= buildLabels(this.vault, this.#ended.signal)
      .catch(() => {})
      .finally(() => (this.#building = undefined));
  }

  /** Forgets marks of our own whose changes are answered: nobody asks for them any more. */
  async forgetAnswered(): Promise<void> {
    const { database, partitions, requests } = this.vault;
    while (requests.answered.length > 0) {
      const ids = requests.answered.splice(0, forgottenAtOnce);
      for (const [p, some] of partitions.group(ids, (id) => partitions.ofId(id)))
        await database.query(forgetAnswered, [p, some.map(uuidOf)]);
    }
  }

  async #keepRegistries(): Promise<void> {
    const { database, partitions } = this.vault;
    const found = await database.queries(partitions.all.map((p) => [readDropping, [p]]));
    const rows = found.flatMap((some, index) => some.map((row) => ({ row, p: partitions.all[index]! })));
    const marks = new Map(
      rows.map(({ row, p }) => {
        const [id, dropping] = [int(row['id']), int(row['dropping'])];
        return [`${p} ${id} ${dropping}`, { p, id, dropping }];
      }),
    );
    for (const mark of this.#dropping.keys()) if (!marks.has(mark)) this.#dropping.delete(mark);
    for (const [mark, { p, id, dropping }] of marks) {
      const sinceMs = this.#dropping.get(mark) ?? Date.now();
      this.#dropping.set(mark, sinceMs);
      if (Date.now() - sinceMs > droppersMs) await database.query(keepRegistries, [p, [id], dropping]);
    }
  }
}
