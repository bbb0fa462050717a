import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { z } from 'zod';
import { limits } from '../model/index.js';
import {
  checkStateFile,
  type CheckPosition,
  type Damage,
  invariants,
  type ManagedBackend,
} from '../storage/index.js';

/** Counts of background checks, for those who watch them; several vaults may share one. */
export class CheckCounts {
  parts = 0;
  records = 0;
  bytes = 0;
  damaged = 0;
}

export interface CheckFigures {
  /** Damaged records known now. */
  readonly damaged: number;
  /** Times of the last part, and of the last end of the whole vault, that were checked to their end. */
  readonly lastSuccessMs: number | undefined;
  readonly lastWholeMs: number | undefined;
}

const position = z.string().transform((text) => text as CheckPosition);
const stateSchema = z.object({
  vaultId: z.string(),
  /** Absent at the beginning of the vault. */
  position: position.optional(),
  /** Begin of the last part: one that ends with the process is not begun again at once. */
  beginMs: z.number().optional(),
  lastSuccessMs: z.number().optional(),
  lastWholeMs: z.number().optional(),
  damage: z
    .array(
      z.object({ invariant: z.enum(invariants), subject: z.string(), detail: z.string(), before: position }),
    )
    .default([]),
});
type State = z.infer<typeof stateSchema>;

type Checked = Required<Pick<ManagedBackend, 'checkPart'>> & Pick<ManagedBackend, 'vaultId' | 'stats'>;

/**
 * Progress of the check of one vault, which goes through it part by part and begins again at its end. It is
 * kept in a file beside the vault, so that it goes on after a restart. If that file is lost or cannot be
 * written, records are checked once more.
 */
export class VaultCheck {
  #state: State;
  #partBytesLeft = 0;

  private constructor(
    private readonly backend: Checked,
    private readonly folder: string,
    state: State | undefined,
    readonly counts: CheckCounts,
  ) {
    this.#state = state ?? { vaultId: backend.vaultId, damage: [] };
  }

  /** Returns undefined for a storage that has no files. */
  static async load(
    backend: ManagedBackend,
    folder: string | undefined,
    counts = new CheckCounts(),
  ): Promise<VaultCheck | undefined> {
    if (folder === undefined || !backend.checkPart) return undefined;
    const state = await readState(folder);
    // A folder that was copied over another one may have the other one's file.
    const own = state?.vaultId === backend.vaultId ? state : undefined;
    return new VaultCheck(backend as Checked, folder, own, counts);
  }

  get figures(): CheckFigures {
    const { damage, lastSuccessMs, lastWholeMs } = this.#state;
    return { damaged: damage.length, lastSuccessMs, lastWholeMs };
  }

  /** Returns the damage known now in words, for the health; undefined without any. */
  get damageInWords(): string | undefined {
    const [first] = this.#state.damage;
    if (!first) return undefined;
    return `${this.#state.damage.length} damaged records, ${first.subject} the first: ${first.detail}`;
  }

  /** True if a part is to be begun. A clock that was set back does not stop the check. */
  isDue(nowMs: number, intervalMs: number): boolean {
    const { beginMs } = this.#state;
    return beginMs === undefined || nowMs - beginMs >= intervalMs || beginMs > nowMs;
  }

  async begin(nowMs: number, bytesMin: number): Promise<void> {
    // A vault of files with a damaged one has no figures.
    const { inUseBytes } = await this.backend.stats().catch(() => ({ inUseBytes: 0 }));
    this.#partBytesLeft = Math.max(bytesMin, inUseBytes / limits.checkPartsMax);
    this.#state.beginMs = nowMs;
    await this.save();
  }

  /** Checks some records of the part. Returns new damage, and whether this was the end of the part. */
  async slice(): Promise<{ readonly isLast: boolean; readonly damage: readonly Damage[] }> {
    const query = { after: this.#state.position, bytesMax: limits.checkSliceBytes };
    const { records, bytes, damage, next } = await this.backend.checkPart(query);
    this.counts.records += records;
    this.counts.bytes += bytes;
    this.#partBytesLeft -= bytes;
    this.#state.position = next;
    const known = new Set(this.#state.damage.map(nameOf));
    const found = damage.filter((each) => !known.has(nameOf(each)));
    this.counts.damaged += found.length;
    this.#state.damage.push(...found.slice(0, limits.checkDamageMax - this.#state.damage.length));
    return { isLast: next === undefined || this.#partBytesLeft <= 0, damage: found };
  }

  /** Ends a part that was checked to its end. */
  async end(nowMs: number): Promise<void> {
    this.counts.parts += 1;
    this.#state.lastSuccessMs = nowMs;
    if (this.#state.position === undefined) this.#state.lastWholeMs = nowMs;
    await this.save();
  }

  /** Looks again at the damage that is known. Returns what is whole now, or deleted, and forgets it. */
  async lookAgain(): Promise<readonly Damage[]> {
    const mended: Damage[] = [];
    for (const each of [...this.#state.damage]) {
      await nextTurn();
      const { damage } = await this.backend.checkPart({ after: each.before, bytesMax: 1, recordsMax: 1 });
      if (!damage.some((found) => nameOf(found) === nameOf(each))) mended.push(each);
    }
    this.#state.damage = this.#state.damage.filter((each) => !mended.includes(each));
    if (mended.length > 0) await this.save();
    return mended;
  }

  /** Writes the progress. A disk that is full does not stop the check. */
  async save(): Promise<void> {
    const path = join(this.folder, checkStateFile);
    try {
      const file = await open(`${path}.new`, 'w');
      try {
        await file.writeFile(`${JSON.stringify(this.#state, null, 2)}\n`);
      } finally {
        await file.close();
      }
      await rename(`${path}.new`, path);
    } catch {
      // The progress is in memory.
    }
  }
}

function nameOf({ invariant, subject }: Damage): string {
  return JSON.stringify([invariant, subject]);
}

/** Returns undefined if there is no file, or none that can be read. */
async function readState(folder: string): Promise<State | undefined> {
  try {
    return stateSchema.parse(JSON.parse(await readFile(join(folder, checkStateFile), 'utf8')));
  } catch {
    return undefined;
  }
}
