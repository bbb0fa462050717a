import { limits, StowkenError } from '../../../model/index.js';
import { type Disk, readOrRefuse } from '../disk/disk.js';
import { inParallel } from '../disk/parallel.js';
import { journalName, journalNumber, TEMPORARY } from '../layout/paths.js';
import type { FileChanges, FilePlacer } from './file-placer.js';
import { Journal } from './journal.js';
import { readJournal } from './journal-format.js';

const PROBE_BYTES = 64 * 1024;

/** Commits that share a journal and are put in place together. */
class Batch {
  readonly changes = new Map<string, Uint8Array | undefined>();
  bytes = 0;

  add(changes: FileChanges): void {
    for (const [path, bytes] of changes) {
      this.bytes += (bytes?.length ?? 0) - (this.changes.get(path)?.length ?? 0);
      this.changes.set(path, bytes);
    }
  }

  get full(): boolean {
    return this.bytes >= limits.journalBytesMax || this.changes.size >= limits.journalFilesMax;
  }
}

interface Settling {
  readonly batch: Batch;
  readonly journal: Journal;
  readonly number: number;
}

/**
 * The vault's files, changed by atomic commits. A commit is one record of the journal. Its files are put in
 * place afterwards, and are read from memory until they are. While one batch is put in place, the commits of
 * the next one gather in a journal of their own. There are at most two journals, and the older one is
 * finished first.
 */
export class JournaledFiles {
  #gathering = new Batch();
  /** The batch that is being put in place; kept if that failed, to be tried again. */
  #settling: Settling | undefined;
  #work: Promise<void> | undefined;
  #listener: ((error: unknown) => void) | undefined;
  #failure: { readonly error: unknown } | undefined;
  /** Serialises appends to the journal and changes of journals. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly disk: Disk,
    private readonly placer: FilePlacer,
    private journal: Journal,
    private number: number,
  ) {}

  /** Requires a folder without journals. */
  static async open(disk: Disk, placer: FilePlacer, firstNumber: number): Promise<JournaledFiles> {
    return new JournaledFiles(disk, placer, await Journal.create(disk, firstNumber), firstNumber);
  }

  /** Calls `listener` when committed files cannot be put in place. */
  watch(listener: (error: unknown) => void): void {
    this.#listener = listener;
    if (this.#failure) listener(this.#failure.error);
  }

  /**
   * Reads a file as the commits so far left it; the buffer must not be changed.
   * @throws StowkenError CORRUPT_STORE
   */
  async read(path: string): Promise<Uint8Array | undefined> {
    for (const batch of [this.#gathering, this.#settling?.batch]) {
      if (batch?.changes.has(path)) return batch.changes.get(path);
    }
    return readOrRefuse(this.disk, path);
  }

  /** Makes all of these changes, or, if it rejects, none. It takes over the buffers. */
  async commit(changes: FileChanges): Promise<void> {
    while (this.#gathering.full && this.#work) await this.#work;
    await this.#inTurn(async () => {
      if (this.#failure) throw this.#failure.error;
      await this.journal.append(changes);
      this.#gathering.add(changes);
    });
    this.#settle();
  }

  /** Puts everything in place. Rejects with the disk's error if that cannot be done. */
  async drain(): Promise<void> {
    for (;;) {
      this.#settle();
      if (!this.#work) break;
      await this.#work;
    }
    if (this.#failure) throw this.#failure.error;
  }

  /** Tries again after a failure; rejects if the disk still refuses writes. */
  async recover(): Promise<void> {
    while (this.#work) await this.#work;
    this.#failure = undefined;
    await this.drain();
    await this.#inTurn(() => this.journal.probe(PROBE_BYTES));
  }

  /**
   * Puts everything in place if it can, and closes the journal. Commits that are not in place stay in it for
   * the next start.
   */
  async close(): Promise<void> {
    const drained = await this.drain().then(
      () => true,
      () => false,
    );
    await this.journal.close();
    await this.#settling?.journal.close();
    // Only for tidiness: an empty journal does no harm.
    if (drained) await this.disk.remove(journalName(this.number)).catch(() => undefined);
  }

  #settle(): void {
    if (this.#work || this.#failure) return;
    if (this.#gathering.changes.size > 0 || this.#settling) this.#work = this.#settleAll();
  }

  async #settleAll(): Promise<void> {
    try {
      while (this.#gathering.changes.size > 0 || this.#settling) {
        if (!this.#settling) await this.#inTurn(() => this.#beginBatch());
        if (this.#settling) await this.#finishBatch(this.#settling);
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      // Cleared in the same turn as the last look, so that no commit is overlooked.
      this.#work = undefined;
    }
  }

  #fail(error: unknown): void {
    if (this.#failure) return;
    this.#failure = { error };
    this.#listener?.(error);
  }

  /** Starts a new journal for the next commits. */
  async #beginBatch(): Promise<void> {
    let next;
    try {
      await this.journal.mend();
      next = await Journal.create(this.disk, this.number + 1);
    } catch (error) {
      // Before the next commit's turn: if a newer journal may exist, the older one accepts no more.
      this.#fail(error);
      throw error;
    }
    this.#settling = { batch: this.#gathering, journal: this.journal, number: this.number };
    this.journal = next;
    this.number += 1;
    this.#gathering = new Batch();
  }

  async #finishBatch({ batch, journal, number }: Settling): Promise<void> {
    await this.placer.place(batch.changes);
    // The name must be durably gone before there is a third journal, whose files this one's would overwrite
    // at recovery.
    await this.disk.remove(journalName(number));
    await this.disk.syncFolder('');
    this.#settling = undefined;
    await journal.close();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

/**
 * Finishes the commits made before a crash and discards incomplete ones. Returns a number for the next
 * journal.
 * @throws StowkenError CORRUPT_STORE if a journal is damaged
 */
export async function recover(disk: Disk, placer: FilePlacer): Promise<number> {
  const entries = await disk.list('');
  const numbers = entries
    .map(({ name }) => journalNumber(name))
    .filter((number) => number !== undefined)
    .sort((a, b) => a - b);
  const changes = new Map<string, Uint8Array | undefined>();
  for (const number of numbers) {
    const bytes = await disk.read(journalName(number));
    if (!bytes) throw new StowkenError('CORRUPT_STORE', `${journalName(number)} went away while it was read`);
    for (const commit of readJournal(bytes, number, number === numbers.at(-1))) {
      for (const [path, content] of commit) changes.set(path, content);
    }
  }
  const leftOver = (await disk.list(TEMPORARY)).filter(({ isFolder }) => !isFolder);
  await inParallel(leftOver, async ({ name }) => void (await disk.remove(`${TEMPORARY}/${name}`)));
  if (changes.size > 0) await placer.place(changes);
  // Oldest first: an older journal applied last would restore files that a newer one replaced.
  for (const number of numbers) {
    await disk.remove(journalName(number));
    await disk.syncFolder('');
  }
  return (numbers.at(-1) ?? 0) + 1;
}
