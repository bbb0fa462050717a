import type { Disk, LogFile } from '../disk/disk.js';
import { journalName } from '../layout/paths.js';
import type { FileChanges } from './file-placer.js';
import { encodeRecord, MAGIC } from './journal-format.js';

/**
 * A write-ahead journal: each record is one commit, with all the files that it writes and removes. A commit
 * is made the moment its record is durable. The files follow; when they are durable too, the journal is
 * removed.
 */
export class Journal {
  #length = MAGIC.length;
  #broken = false;

  private constructor(
    private readonly number: number,
    private readonly log: LogFile,
  ) {}

  /** Creates a new journal, durable with its name. */
  static async create(disk: Disk, number: number): Promise<Journal> {
    const log = await disk.createLog(journalName(number));
    try {
      await log.append(MAGIC);
      await disk.syncFolder('');
    } catch (error) {
      await log.close();
      throw error;
    }
    return new Journal(number, log);
  }

  /** Appends a commit. If it rejects, the commit is not in the journal, or the journal accepts no other. */
  async append(changes: FileChanges): Promise<void> {
    await this.mend();
    const record = encodeRecord(changes, this.number, this.#length);
    await this.#write(record);
    this.#length += record.length;
  }

  /** Rejects if nothing can be appended: writes so many bytes and removes them again. */
  async probe(bytes: number): Promise<void> {
    await this.mend();
    await this.#write(new Uint8Array(bytes));
    this.#broken = true;
    await this.mend();
  }

  /** Removes the rest of a failed write, if that could not be done at once. */
  async mend(): Promise<void> {
    if (!this.#broken) return;
    await this.log.truncate(this.#length);
    this.#broken = false;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      await this.log.append(bytes);
    } catch (error) {
      this.#broken = true;
      await this.mend().catch(() => undefined);
      throw error;
    }
  }

  close(): Promise<void> {
    return this.log.close();
  }
}
