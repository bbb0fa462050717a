import {
  isClientError,
  type ConversationHeader,
  type Message,
  type StowkenClient,
} from '../../client/index.js';

export type ReadPart = ConversationHeader | Message<'text'> | Message<'tokens'>;

/** Stands for bytes that are no character; then only the token ids tell what is stored. */
const replacement = '\ufffd';

/**
 * Reads a conversation as text where text tells all, else as token ids: when the server does not know the
 * tokenizer or one of the tokens, and for messages whose tokens are not whole characters.
 */
export async function* readExact(
  client: StowkenClient,
  id: string,
  form: 'text' | 'tokens',
): AsyncGenerator<ReadPart, void, void> {
  const ids = new TokenParts(client, id);
  let taken = 0;
  try {
    if (form === 'text') {
      for await (const part of textParts(client, id)) {
        if (part.kind === 'end') return;
        if (part.kind === 'noText') break;
        if (part.kind === 'header') ids.revision = part.conversation.revision;
        yield part.kind === 'message' && part.content.includes(replacement) ? await ids.at(taken) : part;
        taken++;
      }
    }
    yield* ids.from(taken);
  } finally {
    await ids.close();
  }
}

/** The parts as text, then whether that was all or the server cannot give the rest as text. */
async function* textParts(client: StowkenClient, id: string) {
  try {
    yield* client.read(id, { encoding: 'text' });
  } catch (error) {
    if (!isClientError(error, 'UNKNOWN_TOKENIZER') && !isClientError(error, 'UNDECODABLE_TOKEN')) throw error;
    yield { kind: 'noText' } as const;
    return;
  }
  yield { kind: 'end' } as const;
}

/** The same parts as token ids, read from the first one that is asked for; those before it are passed over. */
class TokenParts {
  revision: number | undefined;
  private parts: AsyncGenerator<ReadPart, void, void> | undefined;
  private taken = 0;

  constructor(
    private readonly client: StowkenClient,
    private readonly id: string,
  ) {}

  /** Part number `index`; later than any asked for before. */
  async at(index: number): Promise<ReadPart> {
    for (;;) {
      const { value } = await this.open().next();
      if (value === undefined) throw new Error(`${this.id} has fewer messages as token ids than as text`);
      if (this.taken++ === index) return value;
    }
  }

  async *from(index: number): AsyncGenerator<ReadPart, void, void> {
    for await (const part of this.open()) {
      if (this.taken++ >= index) yield part;
    }
  }

  async close(): Promise<void> {
    await this.parts?.return();
  }

  private open(): AsyncGenerator<ReadPart, void, void> {
    const { revision } = this;
    const options = { encoding: 'tokens' as const, ...(revision !== undefined && { ifRevision: revision }) };
    return (this.parts ??= this.client.read(this.id, options));
  }
}
