import Database from 'libsql';
import type { PlainRows } from './plain-vault.js';

interface Waiting {
  readonly id: string;
  readonly bytes: Buffer;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

/**
 * Rows in SQLite. Durable, and as fast as possible: a write-ahead log, and concurrent stores share a
 * transaction.
 */
export class SqliteRows implements PlainRows {
  readonly #database: Database.Database;
  readonly #insert: Database.Statement;
  readonly #select: Database.Statement;
  #waiting: Waiting[] = [];

  constructor(file: string) {
    this.#database = new Database(file);
    this.#database.pragma('journal_mode = WAL');
    this.#database.pragma('synchronous = FULL');
    this.#database.exec('CREATE TABLE conversations (id TEXT PRIMARY KEY, json BLOB NOT NULL) WITHOUT ROWID');
    this.#insert = this.#database.prepare('INSERT OR REPLACE INTO conversations VALUES (?, ?)');
    this.#select = this.#database.prepare('SELECT json FROM conversations WHERE id = ?');
  }

  put(id: string, bytes: Buffer): Promise<void> {
    return new Promise<void>((done, failed) => {
      if (this.#waiting.push({ id, bytes, done, failed }) === 1) setImmediate(() => this.#commit());
    });
  }

  async get(id: string): Promise<Buffer> {
    return (this.#select.get(id) as { json: Buffer }).json;
  }

  #commit(): void {
    const group = this.#waiting;
    this.#waiting = [];
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      for (const { id, bytes } of group) this.#insert.run(id, bytes);
      this.#database.exec('COMMIT');
      for (const { done } of group) done();
    } catch (error) {
      for (const { failed } of group) failed(error);
    }
  }
}
