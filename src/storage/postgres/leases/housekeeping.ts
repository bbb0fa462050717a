import { fold } from '../commit/fold.js';
import type { Lookup } from '../commit/lookup.js';
import type { VaultParts } from '../commit/parts.js';
import { forgetAnswered, forgetOldRequests, forgottenAtOnce } from '../commit/requests.js';
import { Work } from '../commit/work.js';
import { sweepLists, sweptAtOnce } from '../collect/bury.js';
import { int, type Statement } from '../database/driver.js';
import { uuidOf } from '../formats/ids.js';
import { keepRegistries } from '../read/registries.js';

/** Beats between two looks at what is to be done, and time after which a dropper is taken for dead. */
const beatsBetween = 5;
const droppersMs = 60_000;

const look: Statement = {
  name: 'house_look',
  text: `select (select count(*) from (select 1 from delta where p = $1 limit 1) d) deltas,
    (select count(*) from (select 1 from gone where p = $1 limit 1) l) lists`,
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
  readonly #dropping = new Map<string, number>();

  constructor(private readonly vault: VaultParts) {}

  async onBeat(): Promise<void> {
    const { database, p, registries, requests } = this.vault;
    await registries.refresh();
    this.#beats += 1;
    if (this.#beats % beatsBetween > 0) return;
    const [found] = await database.query(look, [p]);
    if (int(found?.['lists']) > 0) while ((await this.#sweep()) === sweptAtOnce);
    else if (int(found?.['deltas']) > 0) await database.transact((transaction) => fold(transaction, p));
    await this.forgetAnswered();
    const { latest } = requests;
    if (latest) {
      const memoryMs = latest.timeMs - latest.notBeforeMs;
      const bounds = [p, latest.timeMs - memoryMs, latest.timeMs + memoryMs];
      while ((await database.query(forgetOldRequests, bounds)).length === forgottenAtOnce);
    }
    await this.#keepRegistries();
  }

  /** Forgets marks of our own whose changes are answered: nobody asks for them any more. */
  async forgetAnswered(): Promise<void> {
    const { database, p, requests } = this.vault;
    while (requests.answered.length > 0) {
      const ids = requests.answered.splice(0, forgottenAtOnce);
      await database.query(forgetAnswered, [p, ids.map(uuidOf)]);
    }
  }

  /** Deletes the lists that nobody reads any more; those that went since are for a later time. */
  async #sweep(): Promise<number> {
    const { database, p, presence, clock } = this.vault;
    const clockMax = await presence.readersSaw();
    const { now, swept } = await database.transact(async (transaction) => {
      const now = (await fold(transaction, p)) + 1;
      const work = new Work(transaction, this.vault, {}, nothingFound, clock());
      const swept = await sweepLists(work, clockMax);
      transaction.send(condemnLists, [p, now]);
      transaction.send(tick, [p, now]);
      work.sendDelta();
      return { now, swept };
    });
    presence.sawClock(now);
    return swept;
  }

  async #keepRegistries(): Promise<void> {
    const { database, p } = this.vault;
    const rows = await database.query(readDropping, [p]);
    const marks = new Map(rows.map(({ id, dropping }) => [`${int(id)} ${int(dropping)}`, int(id)]));
    for (const mark of this.#dropping.keys()) if (!marks.has(mark)) this.#dropping.delete(mark);
    for (const [mark, id] of marks) {
      const sinceMs = this.#dropping.get(mark) ?? Date.now();
      this.#dropping.set(mark, sinceMs);
      if (Date.now() - sinceMs > droppersMs) await database.query(keepRegistries, [p, [id]]);
    }
  }
}

const nothingFound: Lookup = {
  request: undefined,
  segments: new Map(),
  heads: new Map(),
  registries: new Map(),
};
