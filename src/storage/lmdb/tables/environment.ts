import { stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { ABORT, type Database, open, type RootDatabase } from 'lmdb';
import { ConversationTable } from '../cold/conversation-table.js';
import { PackedConversations } from '../cold/packed-conversations.js';
import { guardDatabase } from './guarded-database.js';
import { PAGE_BYTES } from './layout.js';
import { fromLmdb, guarded } from './lmdb-errors.js';
import { present, StowkenError } from '../../../model/index.js';
import { GuardedFiles } from '../../shared/guarded-files.js';
import { type Pin, Table, treePages } from './table.js';

const META_PAGES = 2;

/** lmdb-js's flag of a transaction that may be aborted. */
const ABORTABLE = 1;

/** Name that no table has. */
const NO_TABLE = '-';

/** See docs/formats/storage.md. */
export interface Tables {
  readonly meta: Table<number>;
  readonly strings: Table<number>;
  readonly packs: Table<number>;
  readonly frameOverflowPages: Table<number>;
  readonly frameHalfPages: Table<number>;
  readonly hashIndex: Table<number>;
  readonly recentHashes: Table<number>;
  readonly refCounts: Table<number>;
  readonly bigRefCounts: Table<number>;
  readonly references: Table<Buffer>;
  readonly garbage: Table<number>;
  readonly registries: Table<number>;
  readonly registryData: Table<number>;
  readonly conversations: ConversationTable;
  readonly conversationPacks: Table<number>;
  readonly conversationPackHeads: Table<number>;
  readonly messageBlocks: Table<number>;
  readonly blockCounts: Table<number>;
  readonly bigBlockCounts: Table<number>;
  readonly freedBlocks: Table<Buffer>;
  readonly requests: Table<Buffer>;
  readonly requestIds: Table<Buffer>;
  readonly ids: Table<Buffer>;
  readonly radixNodes: Table<number>;
  readonly radixEdges: Table<Buffer>;
  readonly radixEnds: Table<Buffer>;
  readonly conversationNodes: Table<number>;
  readonly postings: Table<Buffer>;
  readonly usage: Table<Buffer>;
  readonly usageGroups: Table<number>;
  readonly tokenizers: Table<Buffer>;
}

export function dataFileIn(folder: string): string {
  return join(folder, 'vault.mdb');
}

/** The LMDB files of a vault. */
export class Environment {
  readonly tables: Tables;
  /** LMDB's files, and others that must stay in place while this process writes. */
  readonly files = new GuardedFiles();
  readonly #file: string;
  readonly #root: RootDatabase<Buffer, string>;
  readonly #copies = new Set<Promise<void>>();

  private constructor(
    readonly folder: string,
    file: string,
    root: RootDatabase<Buffer, string>,
    /** True if a commit is on the disk when it is answered. */
    readonly syncs: boolean,
  ) {
    this.#file = file;
    this.#root = root;
    this.files.watch('the data file', file, { grows: true });
    this.files.watch('the lock file', `${file}-lock`);
    const numberedDatabase = (name: string) =>
      guardDatabase(
        root.openDB<Buffer, number>({ name, keyEncoding: 'uint32', encoding: 'binary' }),
        this.#look,
      );
    const numbered = (name: string) => new Table<number>(name, numberedDatabase(name));
    const keyed = (name: string) =>
      new Table<Buffer>(
        name,
        guardDatabase(
          root.openDB({ name, keyEncoding: 'binary', encoding: 'binary' }) as unknown as Database<
            Buffer,
            Buffer
          >,
          this.#look,
        ),
      );
    // In one transaction: a new vault is one commit, not one for each table.
    this.tables = root.transactionSync(() => {
      const packTables = {
        conversationPacks: numbered('conversationPacks'),
        conversationPackHeads: numbered('conversationPackHeads'),
      };
      const packed = new PackedConversations({
        packs: packTables.conversationPacks,
        heads: packTables.conversationPackHeads,
      });
      return {
        meta: numbered('meta'),
        strings: numbered('strings'),
        packs: numbered('packs'),
        frameOverflowPages: numbered('frameOverflowPages'),
        frameHalfPages: numbered('frameHalfPages'),
        hashIndex: numbered('hashIndex'),
        recentHashes: numbered('recentHashes'),
        refCounts: numbered('refCounts'),
        bigRefCounts: numbered('bigRefCounts'),
        references: keyed('references'),
        garbage: numbered('garbage'),
        registries: numbered('registries'),
        registryData: numbered('registryData'),
        conversations: new ConversationTable(numberedDatabase('conversations'), packed),
        ...packTables,
        messageBlocks: numbered('messageBlocks'),
        blockCounts: numbered('blockCounts'),
        bigBlockCounts: numbered('bigBlockCounts'),
        freedBlocks: keyed('freedBlocks'),
        requests: keyed('requests'),
        requestIds: keyed('requestIds'),
        ids: keyed('ids'),
        radixNodes: numbered('radixNodes'),
        radixEdges: keyed('radixEdges'),
        radixEnds: keyed('radixEnds'),
        conversationNodes: numbered('conversationNodes'),
        postings: keyed('postings'),
        usage: keyed('usage'),
        usageGroups: numbered('usageGroups'),
        tokenizers: keyed('tokenizers'),
      };
    });
  }

  /** Opens the files. With `sync: false`, the operating system decides when commits reach the disk. */
  static async open(folder: string, options: { readonly sync: boolean }): Promise<Environment> {
    const file = dataFileIn(folder);
    const root = open<Buffer, string>({
      path: file,
      noSubdir: true,
      encoding: 'binary',
      pageSize: PAGE_BYTES,
      maxDbs: 32,
      // Each commit syncs its data before the page that makes it visible: LMDB's own order.
      overlappingSync: false,
      noSync: !options.sync,
      // lmdb-js's own batches would reject, unhandled, when a commit fails.
      eventTurnBatching: false,
    });
    return new Environment(folder, file, root, options.sync);
  }

  /**
   * Runs `action` in a write transaction and commits; durable when the promise resolves. If the action
   * throws, the promise rejects with its error and nothing is written. A failed commit rejects with
   * CommitError; one that meets damaged pages, with CORRUPT_STORE. A commit to files that no longer belong to
   * the vault counts as failed.
   */
  async write<T>(action: () => T): Promise<T> {
    // Before LMDB uses a page that may be gone, or writes to a vault that another process took over because
    // its owner's socket was gone; and before anybody is told that the change is stored.
    assertWhole(this.files.fault());
    const result = await this.#write(action);
    assertWhole(this.files.fault());
    return result;
  }

  /**
   * Refuses a transaction in which LMDB met a damaged page, while lmdb-js can still abort it: writes do not
   * report that, and its commit would end the process. Any read does report it.
   */
  #assertTransaction(): void {
    guarded(() => this.#root.getBinary(NO_TABLE));
  }

  async #write<T>(action: () => T): Promise<T> {
    // LMDB's queue links each transaction to the next one, so that what one returns lives until a full
    // collection of garbage: it returns nothing.
    const made: { value?: T } = {};
    try {
      await this.#root.childTransaction(() => {
        made.value = action();
        this.#assertTransaction();
      });
      await this.#root.flushed;
      return made.value as T;
    } catch (error) {
      const cause = (error as { commitError?: Promise<unknown> }).commitError;
      if (!cause) throw fromLmdb(error);
      throw new CommitError(
        await cause.then(
          () => error,
          (reason: unknown) => reason,
        ),
      );
    }
  }

  /**
   * Pins the current state for reading; pages that are freed meanwhile stay in use until release(). Throws
   * CORRUPT_STORE if the data file was cut off.
   */
  pin(): { readonly pin: Pin; release(): void } {
    this.refresh();
    const pin = guarded(() => this.#root.useReadTransaction());
    return { pin, release: () => pin.done() };
  }

  /** Lets the next read see the commits of other processes. Throws as pin() does. */
  refresh(): void {
    this.#look();
    this.#root.resetReadTxn();
  }

  /**
   * Runs `action` under LMDB's lock of writers, in a transaction that writes nothing: until it returns, no
   * page is taken into use, and readers who come see the newest state. `oldestOf` returns the oldest state
   * that LMDB takes into account when it looks for pages to use again, given the newest: pages freed by
   * transactions before it are read by nobody.
   */
  underWriteLock<T>(action: (oldestOf: (newest: number) => number) => T): T {
    this.refresh();
    let result: { readonly value: T } | undefined;
    this.#root.transactionSync(() => {
      result = { value: action((newest) => this.#oldestRead(newest)) };
      return ABORT;
    }, ABORTABLE);
    return present(result, 'the action has run').value;
  }

  #oldestRead(newest: number): number {
    this.#root.readerCheck();
    const [head = '', ...lines] = this.#root.readerList().trimEnd().split('\n');
    if (head === '(no active readers)') return newest;
    const ids = lines.map((line) => /^\s*\d+\s+[0-9a-f]+\s+(\d+|-)\s*$/.exec(line)?.[1]);
    if (!head.includes('txnid') || ids.includes(undefined))
      throw new Error(`LMDB's list of readers is not as expected: ${head}`);
    return Math.min(newest, ...ids.flatMap((id) => (id === '-' ? [] : [Number(id)])));
  }

  /**
   * Compares the data file's size, every few milliseconds: a read behind the end of a mapped file would
   * end the process, with all other vaults. Throws CORRUPT_STORE from then on.
   */
  readonly #look = (): void => {
    const cut = this.files.cut();
    if (cut !== undefined) throw new StowkenError('CORRUPT_STORE', cut);
  };

  /** Returns the bytes of the pages in use. Duplicates would be left out, but no table has any. */
  bytesInUse(): number {
    const stats = guarded(() => this.#root.getStats()) as { root: object; free: object };
    const tables = Object.values(this.tables) as Table<number | Buffer>[];
    const pages = tables.reduce((sum, table) => sum + table.pages(), 0);
    return (META_PAGES + treePages(stats.root) + treePages(stats.free) + pages) * PAGE_BYTES;
  }

  async fileBytes(): Promise<number> {
    const files = await Promise.all([stat(this.#file), stat(`${this.#file}-lock`)]);
    return files.reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * Copies the current state to a new file, without unused pages. Cannot be stopped once it has begun;
   * `checkSpace`, called before with the free bytes, may throw.
   */
  async copyTo(path: string, checkSpace: (bytesFree: number) => void): Promise<void> {
    const copying = this.bytesFree().then((bytes) => {
      checkSpace(bytes);
      return this.#root.backup(path, true);
    });
    this.#copies.add(copying);
    try {
      await copying;
    } finally {
      this.#copies.delete(copying);
    }
  }

  /** Returns the bytes that the file system has left for this process. */
  async bytesFree(): Promise<number> {
    const { bavail, bsize } = await statfs(this.folder);
    return bavail * bsize;
  }

  /** Waits for copies in progress, because they read the environment that is closed here. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#copies);
    await this.#root.close();
  }
}

/** Error of the commit itself: nothing of it may be trusted. */
export class CommitError extends Error {
  override readonly name = 'CommitError';

  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function assertWhole(fault: string | undefined): void {
  if (fault !== undefined) throw new CommitError(new Error(fault));
}
