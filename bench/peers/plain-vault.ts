import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
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

/** Rows of a plain vault, in any database. */
export interface PlainRows {
  /** Resolves when the row is durable. */
  put(id: string, bytes: Buffer): Promise<void>;
  get(id: string): Promise<Buffer>;
}

/** A common alternative: each conversation as gzipped JSON in a row of a database. */
export class PlainVault {
  readonly name = 'default';

  constructor(
    private readonly rows: PlainRows,
    private readonly core: TokenCore,
  ) {}

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
    await this.rows.put(spec.id, bytes);
    const counts = { totalSegments: 0, newSegments: 0, newTokens: 0 };
    return { conversation, ...counts, storedBytes: bytes.length, unchanged: false };
  };

  readonly retrieve = async function* (
    this: PlainVault,
    { id, encoding }: RetrieveInput,
  ): AsyncGenerator<Iterable<RetrievePart>, void, void> {
    const json = (await decompress(await this.rows.get(id))).toString('utf8');
    const { conversation, messages } = JSON.parse(json) as StoredConversation;
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
}
