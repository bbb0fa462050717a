import { randomUUID } from 'node:crypto';
import { StowkenError } from '../../../model/index.js';
import { Leases } from '../../shared/leases.js';
import type { OpenReaders } from '../../shared/activity.js';
import type { Database } from '../database/database.js';
import { int, type Statement } from '../database/driver.js';

/** Interval in which a server renews its row, with what its oldest reader saw. */
const beatDefaultMs = 1_000;
/** Time without a beat after which a server stops its own readers; others wait for it a while longer. */
const lostAfterMs = 20_000;
const believedSeconds = 40;
/** Time without a beat after which nobody waits for a server's next one. What it reads is left as before. */
const awaitedSeconds = 3;

const readClock: Statement = { name: 'clock_read', text: 'select clock from totals where p = $1' };
const writeServer: Statement = {
  name: 'server_beat',
  text: `insert into server (p, id, oldest, beat) values ($1, $2, $3, now())
    on conflict (p, id) do update set oldest = excluded.oldest, beat = excluded.beat`,
};
const oldestOfOthers: Statement = {
  name: 'servers_oldest',
  text: `select min(oldest) oldest from server
    where p = $1 and id <> $2 and beat > now() - make_interval(secs => $3)`,
};
/** A row if a server, or another process that reads or writes, has a vault open. */
export const findPresent: Statement = {
  name: 'servers_present',
  text: `select 1 from server
    where p = $1 and beat > now() - make_interval(secs => ${believedSeconds}) limit 1`,
};
const deleteServer: Statement = {
  name: 'server_delete',
  text: 'delete from server where p = $1 and id = $2',
};
const deleteLost: Statement = {
  name: 'servers_forget',
  text: `delete from server where p = $1 and beat < now() - make_interval(secs => ${10 * believedSeconds})`,
};

/** Reading of one revision, from its beginning to its release. */
export interface Reading {
  readonly release: () => void;
  /**
   * Reads something that was there when the reader began.
   * @throws StowkenError STORAGE_UNAVAILABLE if others may have deleted it since, taking this server for gone
   */
  readonly during: <T>(read: () => Promise<T>) => Promise<T>;
}

/**
 * The presence of this process among the servers of a vault. Its row has a tick of the vault's clock that is
 * never later than any that its readers began with, so that no other server deletes what they may read. What
 * counts is the order of commits, not the time of any machine; times only decide when a server is given up,
 * and it gives up its readers itself before.
 */
export class Presence {
  readonly id = randomUUID();
  readonly #leases: Leases;
  /** The latest tick that this process knows to be committed. */
  #clock = 0;
  #lastBeatMs = Date.now();
  /** Times that others may have believed that this server is gone: what it read then may be deleted. */
  #losses = 0;
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> = Promise.resolve();
  #working: Promise<void> | undefined;
  #gone = false;

  constructor(
    private readonly database: Database,
    /** The vault's first partition, which has its clock and its servers. */
    private readonly p: number,
    readers?: OpenReaders,
    private readonly beatMs = beatDefaultMs,
  ) {
    this.#leases = new Leases(readers);
  }

  /**
   * Writes the row, and then again and again. `work` is begun with a beat when it has ended; no beat waits
   * for it, since it may wait for others.
   */
  async begin(work: () => Promise<void>): Promise<void> {
    await this.#beat();
    const beat = () => {
      this.#beating = this.#beat()
        // A beat that fails is missed; the next one is tried all the same.
        .then(() => {
          this.#working ??= work()
            .catch(() => {})
            .finally(() => (this.#working = undefined));
        })
        .catch(() => {})
        .finally(() => {
          if (this.#timer !== undefined) this.#timer = setTimeout(beat, this.beatMs).unref();
        });
    };
    this.#timer = setTimeout(beat, this.beatMs).unref();
  }

  /** True when the vault was deleted, by this server or another. */
  get gone(): boolean {
    return this.#gone;
  }

  sawGone(): void {
    this.#gone = true;
  }

  async end(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#beating;
    await this.#working;
    await this.database.query(deleteServer, [this.p, this.id]).catch(() => {});
  }

  sawClock(clock: number): void {
    this.#clock = Math.max(this.#clock, clock);
  }

  /** See StorageBackend.lease. */
  lease(standing = false): () => void {
    return this.#leases.take(this.#clock, { standing });
  }

  /** Begins to read. What is there now stays until the end, unless others take this server for gone. */
  beginReading(): Reading {
    const losses = this.#losses;
    const requirePresence = () => {
      if (losses === this.#losses && !this.#isLost()) return;
      const cause = 'the server did not reach it for too long to go on reading';
      throw new StowkenError('STORAGE_UNAVAILABLE', `the database of the vault: ${cause}`, { cause });
    };
    return {
      release: this.lease(),
      during: async (read) => {
        requirePresence();
        try {
          return await read();
        } finally {
          // A process may be stopped at any moment: answers count if it was there after them.
          requirePresence();
        }
      },
    };
  }

  #isLost(): boolean {
    return Date.now() - this.#lastBeatMs >= lostAfterMs;
  }

  /** Returns the tick up to which what was condemned has no readers any more, here and in other servers. */
  async readersSaw(): Promise<number> {
    const [row] = await this.database.query(oldestOfOthers, [this.p, this.id, believedSeconds]);
    const others = row?.['oldest'] ?? null;
    return Math.min(this.#leases.oldest(), this.#clock, others === null ? Infinity : int(others));
  }

  /**
   * Waits until the other servers that are there have no reader from before a tick, but not for ever. One
   * that was killed has a row for a while, and none to change it.
   */
  async untilOthersSaw(
    clock: number,
    timeMs: number,
    sleep: (ms: number) => Promise<unknown>,
  ): Promise<void> {
    for (const untilMs = Date.now() + timeMs; ; await sleep(Math.min(100, this.beatMs))) {
      const [row] = await this.database.query(oldestOfOthers, [this.p, this.id, awaitedSeconds]);
      const others = row?.['oldest'] ?? null;
      if (others === null || int(others) >= clock || Date.now() >= untilMs) return;
    }
  }

  async #beat(): Promise<void> {
    const startedMs = Date.now();
    if (this.#gone) return;
    const [row] = await this.database.query(readClock, [this.p]);
    if (!row) return this.sawGone();
    this.sawClock(int(row['clock']));
    // Readers that begin from here on have a lease of this tick or of a later one.
    const oldest = Math.min(this.#leases.oldest(), this.#clock);
    await this.database.query(writeServer, [this.p, this.id, oldest]);
    await this.database.query(deleteLost, [this.p]);
    // Readers of before are refused also when the server is back: they were not waited for.
    if (this.#isLost()) this.#losses += 1;
    this.#lastBeatMs = startedMs;
  }
}
