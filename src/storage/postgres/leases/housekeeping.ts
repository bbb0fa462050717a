import { fold } from '../commit/fold.js';
import type { PartitionState } from '../commit/lookup.js';
import type { VaultParts } from '../commit/parts.js';
import { forgetAnswered, forgetOldRequests, forgottenAtOnce } from '../commit/requests.js';
import { Work } from '../commit/work.js';
import { sweepLists, sweptAtOnce } from '../collect/bury.js';
import { readClock } from '../collect/condemn.js';
import { int, type Statement } from '../database/driver.js';
import { uuidOf } from '../formats/ids.js';
import { buildLabels } from './build-labels.js';
import { keepRegistries } from '../read/registries.js';

/** Beats between two looks at what is to be done, and time after which a dropper is taken for dead. */
const beatsBetween = 5;
const droppersMs = 60_000;

const look: Statement = {
  name: 'house_look',
  text: `select exists (select 1 from delta where p = $1) deltas, exists (select 1 from gone where p = $1) lists
    from totals where p = $1`,
};
const tick: Statement = { name: 'house_tick', text: 'update totals set clock = $2 where p = $1' };
const condemnLists: Statement = {
  name: 'house_condemn',
  text: 'update gone set condemned = $2 where p = $1 and condemned is null',
};
const readDropping: Statement = {
  name: 'house_dropping',
  text: 'select id, dropping from registry where p = $1 and dropping is not null',
};

/**
 * Work that no change waits for, done with the beats of a server: it learns of registries that others added,
 * folds, forgets old requests, deletes the lists of conversations that are gone, and takes back the marks of
 * droppers that died. Every server does it, one after the other.
 */
export class Housekeeping {
  #beats = 0;
  #building: Promise<void> | undefined;
  readonly #ended = new AbortController();
  readonly #dropping = new Map<string, number>();

  constructor(private readonly vault: VaultParts) {}

  async onBeat(): Promise<void> {
    const { database, partitions, registries, requests, labels } = this.vault;
    await registries.refresh();
    await labels.refresh();
    if (labels.current.some(({ isReady }) => !isReady)) this.#buildLabels();
    this.#beats += 1;
    if (this.#beats % beatsBetween > 0) return;
    const found = await database.queries(partitions.all.map((p) => [look, [p]]));
    for (const [index, p] of partitions.all.entries()) {
      const [row] = found[index] ?? [];
      if (row?.['lists'] === true) while ((await this.#sweep(p)) === sweptAtOnce);
      else if (row?.['deltas'] === true) await database.transact((transaction) => fold(transaction, p));
    }
    await this.forgetAnswered();
    const { latest } = requests;
    const memoryMs = latest ? latest.timeMs - latest.notBeforeMs : 0;
    for (const p of latest ? partitions.all : []) {
      const bounds = [p, latest!.timeMs - memoryMs, latest!.timeMs + memoryMs];
      while ((await database.query(forgetOldRequests, bounds)).length === forgottenAtOnce);
    }
    await this.#keepRegistries();
  }

  /** Ends what goes on beside the beats. */
  async end(): Promise<void> {
    this.#ended.abort();
    await this.#building;
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

  /** Deletes the lists that nobody reads any more; those that went since are for a later time. */
  async #sweep(p: number): Promise<number> {
    const { database, partitions, presence, clock } = this.vault;
    const clockMax = await presence.readersSaw();
    const { now, swept } = await database.transact(async (transaction) => {
      const now = (await readClock(transaction, partitions)) + 1;
      await fold(transaction, p);
      const work = new Work(transaction, this.vault, p, nothingFound, clock());
      const swept = await sweepLists(work, clockMax);
      transaction.send(condemnLists, [p, now]);
      transaction.send(tick, [partitions.first, now]);
      work.sendDelta();
      return { now, swept };
    });
    presence.sawClock(now);
    return swept;
  }

  async #keepRegistries(): Promise<void> {
    const { database, partitions } = this.vault;
    const found = await database.queries(partitions.all.map((p) => [readDropping, [p]]));
    const rows = found.flatMap((some, index) => some.map((row) => ({ row, p: partitions.all[index]! })));
    const marks = new Map(
      rows.map(({ row: { id, dropping }, p }) => [`${p} ${int(id)} ${int(dropping)}`, { p, id: int(id) }]),
    );
    for (const mark of this.#dropping.keys()) if (!marks.has(mark)) this.#dropping.delete(mark);
    for (const [mark, { p, id }] of marks) {
      const sinceMs = this.#dropping.get(mark) ?? Date.now();
      this.#dropping.set(mark, sinceMs);
      if (Date.now() - sinceMs > droppersMs) await database.query(keepRegistries, [p, [id]]);
    }
  }
}

const nothingFound: PartitionState = { segments: new Map(), registries: new Map(), labels: [] };
