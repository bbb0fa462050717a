import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import Database from 'libsql';
import type { TokenCore } from '../../src/core/index.js';
import type { Conversation, Speaker } from '../../src/model/index.js';
import type {
  MessageContent,
  RetrieveInput,
  RetrievePart,
  StoreInput,
  StoreResult,
} from '../../src/vault/index.js';

const compress = promisify(gzip);
const decompress = promisify(gunzip);

interface StoredMessage extends Speaker {
  readonly tokens: readonly number[];
}

interface StoredConversation {
  readonly conversation: Conversation;
  readonly messages: readonly StoredMessage[];
}

interface Waiting {
  readonly id: string;
  readonly bytes: Buffer;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

/**
 * A common alternative: each conversation as gzipped JSON in a row of SQLite. Durable, and as fast as
 * possible: a write-ahead log, and concurrent stores share a transaction.
 */
export class SqliteVault {
  readonly name = 'default';
  readonly #database: Database.Database;
  readonly #insert: Database.Statement;
  readonly #select: Database.Statement;
  #waiting: Waiting[] = [];

  constructor(
    file: string,
    private readonly core: TokenCore,
  ) {
    this.#database = new Database(file);
    this.#database.pragma('journal_mode = WAL');
    this.#database.pragma('synchronous = FULL');
    this.#database.exec('CREATE TABLE conversations (id TEXT PRIMARY KEY, json BLOB NOT NULL) WITHOUT ROWID');
    this.#insert = this.#database.prepare('INSERT OR REPLACE INTO conversations VALUES (?, ?)');
    this.#select = this.#database.prepare('SELECT json FROM conversations WHERE id = ?');
  }

  readonly store = async ({ spec, messages }: StoreInput): Promise<StoreResult> => {
    const stored = messages.map(({ role, name, toolCallId, content }): StoredMessage => {
      return { role, name, toolCallId, tokens: this.#tokensOf(content) };
    });
    const timeMs = Date.now();
    const conversation: Conversation = {
      ...spec,
      revision: 1,
      totalTokens: stored.reduce((sum, { tokens }) => sum + tokens.length, 0),
      messageCount: stored.length,
      createTimeMs: timeMs,
      storeTimeMs: timeMs,
      updateTimeMs: timeMs,
    };
    const json = JSON.stringify({ conversation, messages: stored } satisfies StoredConversation);
    const bytes = await compress(json);
    await new Promise<void>((done, failed) => {
      if (this.#waiting.push({ id: spec.id, bytes, done, failed }) === 1) setImmediate(() => this.#commit());
    });
    const counts = { totalSegments: 0, newSegments: 0, newTokens: 0 };
    return { conversation, ...counts, storedBytes: bytes.length, unchanged: false };
  };

  readonly retrieve = async function* (
    this: SqliteVault,
    { id, encoding }: RetrieveInput,
  ): AsyncGenerator<Iterable<RetrievePart>, void, void> {
    const { json } = this.#select.get(id) as { json: Buffer };
    const { conversation, messages } = JSON.parse(
      (await decompress(json)).toString('utf8'),
    ) as StoredConversation;
    yield [{ kind: 'header', conversation }];
    yield messages.map(({ tokens, ...speaker }, messageIndex): RetrievePart => {
      const words = Uint32Array.from(tokens);
      const content =
        encoding === 'le32'
          ? { kind: 'le32' as const, bytes: new Uint8Array(words.buffer) }
          : { kind: 'varints' as const, bytes: this.core.fromTokens(words).varints };
      return {
        kind: 'chunk',
        messageIndex,
        tokenOffset: 0,
        content: tokens.length === 0 ? undefined : content,
        endOfMessage: true,
        message: { ...speaker, tokenCount: tokens.length },
      };
    });
  }.bind(this);

  #tokensOf(content: MessageContent): number[] {
    if (content.kind !== 'varints') return [];
    const words = this.core.toLe32(this.core.fromVarints(content.chunks).varints);
    return [...new Uint32Array(words.buffer, words.byteOffset, words.length / 4)];
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
