import type { BackgroundTurns } from '../../shared/background.js';
import { int, type Statement, text } from '../database/driver.js';
import type { Transaction } from '../database/transaction.js';
import type { Delta } from '../formats/delta.js';
import { keyOf, type Place } from '../formats/ids.js';
import type { PackEntry } from '../formats/pack.js';
import type { Partitions } from '../partitions.js';
import type { Add } from './findings.js';

const rowsAtOnce = 5_000;

const scanCounts: Statement = {
  name: 'check_counts',
  text: `select k, slot, n, tokens, bytes, since is not null dated from ref
    where p = $1 and (k, slot) > ($2, $3) order by k, slot limit ${rowsAtOnce}`,
};
const scanHolders: Statement = {
  name: 'check_holders',
  text: 'select k, slot, count(*) holders from holder where p = $1 group by k, slot',
};

interface Count {
  readonly n: number;
  readonly tokenCount: number;
  readonly frameBytes: number;
  readonly isDated: boolean;
}

/** Counts of references, compared with the lists and the holders that have them. */
export class CheckedReferences {
  readonly #counts = new Map<string, Count>();
  /** References found, less the one that a segment without a row has. */
  readonly #held = new Map<string, number>();
  readonly #stored = new Map<string, PackEntry>();
  readonly #pending = new Map<string, number>();

  constructor(
    private readonly transaction: Transaction,
    private readonly partitions: Partitions,
    private readonly add: Add,
    pending: Iterable<Delta>,
  ) {
    for (const delta of pending) this.#addPending(delta);
  }

  #addPending(pending: Delta): void {
    for (const { k, slot, difference } of pending.references()) this.#pending.set(`${k}/${slot}`, difference);
  }

  async begin(turns: BackgroundTurns): Promise<void> {
    for (const p of this.partitions.all) {
      await this.#readCounts(p, turns);
      for (const { k, slot, holders } of await this.transaction.query(scanHolders, [p]))
        this.#held.set(`${text(k)}/${int(slot)}`, int(holders));
    }
  }

  async #readCounts(p: number, turns: BackgroundTurns): Promise<void> {
    let after: [string, number] = ['-1', 0];
    for (;;) {
      const rows = await this.transaction.query(scanCounts, [p, ...after]);
      for (const { k, slot, n, tokens, bytes, dated } of rows)
        this.#counts.set(`${text(k)}/${int(slot)}`, {
          n: int(n),
          tokenCount: int(tokens),
          frameBytes: int(bytes),
          isDated: dated === true,
        });
      if (rows.length < rowsAtOnce) break;
      after = [text(rows.at(-1)!['k']), int(rows.at(-1)!['slot'])];
      await turns.pause();
    }
  }

  held(place: Place): void {
    const key = keyOf(place) as string;
    this.#held.set(key, (this.#held.get(key) ?? 0) + 1);
  }

  stored(place: Place, entry: PackEntry): void {
    this.#stored.set(keyOf(place) as string, entry);
  }

  end(): void {
    for (const key of this.#held.keys())
      if (!this.#stored.has(key))
        this.add('manifest-segments', `segment ${key}`, 'it is named, and not stored');
    for (const [key, entry] of this.#stored) {
      const count = this.#counts.get(key);
      const kept = (count?.n ?? 1) + (this.#pending.get(key) ?? 0);
      const held = this.#held.get(key) ?? 0;
      const subject = `segment ${key}`;
      if (kept !== held)
        this.add('reference-counts', subject, `${kept} references are kept, ${held} were counted`);
      if (!count || count.n > 0) continue;
      if (count.frameBytes !== entry.frameBytes || count.tokenCount !== entry.tokenCount)
        this.add('garbage', subject, 'its row has other sizes than its frame');
      if (!count.isDated) this.add('garbage', subject, 'its row lacks the time since when it is garbage');
    }
    for (const key of this.#counts.keys())
      if (!this.#stored.has(key))
        this.add('reference-counts', `segment ${key}`, 'it is counted, and not stored');
  }
}
