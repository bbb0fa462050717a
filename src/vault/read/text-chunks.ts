import type { DecodedText, TokensToDecode } from '../../text/index.js';
import type { TokenChunk } from './response-chunker.js';

/** Limits of one trip to the tokenizer, in tokens and in chunks. */
const tripTokensMax = 64 * 1024;
const tripChunksMax = 512;

export interface TextChunk<T> {
  readonly chunk: T;
  readonly text: string;
  /** True if bytes that are not UTF-8 became U+FFFD. */
  readonly replaced: boolean;
  /** False if it was to be exact, and does not encode to the chunk's tokens. */
  readonly exact: boolean;
  /** End of each token in the text's UTF-8, if that was asked for and nothing was replaced. */
  readonly ends: Uint32Array | undefined;
}

/**
 * Decodes chunks of le32 to chunks of text. Many short messages share one trip to the tokenizer. If a chunk's
 * end splits a character, that character's tokens wait for the message's next chunk.
 */
export async function* textChunks<T extends TokenChunk>(
  chunks: AsyncIterable<T>,
  decode: (items: readonly TokensToDecode[]) => Promise<readonly DecodedText[]>,
): AsyncGenerator<TextChunk<T>, void, void> {
  const trips = new Trips<T>(decode);
  for await (const next of chunks) {
    trips.add(next);
    if (trips.isFull) yield* trips.finish();
  }
  yield* trips.finish();
}

/** Chunks that wait for a trip together. */
class Trips<T extends TokenChunk> {
  #trip: T[] = [];
  #tokens = 0;
  /** Tokens of a character that the next chunk completes. */
  #rest: T | undefined;

  constructor(
    private readonly decode: (items: readonly TokensToDecode[]) => Promise<readonly DecodedText[]>,
  ) {}

  get isFull(): boolean {
    const { length } = this.#trip;
    return this.#trip[length - 1]?.last === false || this.#tokens >= tripTokensMax || length >= tripChunksMax;
  }

  add(next: T): void {
    const chunk = this.#rest === undefined ? next : joined(this.#rest, next);
    this.#rest = undefined;
    this.#trip.push(chunk);
    this.#tokens += chunk.tokenCount;
  }

  async *finish(): AsyncGenerator<TextChunk<T>, void, void> {
    for (let queue = this.#trip; queue.length > 0;) {
      const items = queue.map(({ bytes, tokenOffset, last }) => ({
        le32: bytes,
        first: tokenOffset === 0,
        last,
      }));
      const texts = await this.decode(items);
      let again: T[] = [];
      for (const [index, { text, tokenCount, more, replaced, exact, ends }] of texts.entries()) {
        const chunk = queue[index]!;
        const last = chunk.last && !more;
        const endOfMessage = chunk.endOfMessage && last;
        if (tokenCount > 0 || last) {
          const bytes = chunk.bytes.subarray(0, 4 * tokenCount);
          yield { chunk: { ...chunk, bytes, tokenCount, last, endOfMessage }, text, replaced, exact, ends };
        }
        if (more) {
          again = [chunkFrom(chunk, tokenCount), ...queue.slice(index + 1)];
          break;
        }
        if (tokenCount < chunk.tokenCount) this.#rest = chunkFrom(chunk, tokenCount);
      }
      queue = again;
    }
    this.#trip = [];
    this.#tokens = 0;
  }
}

/**
 * Returns a chunk without its first tokens. The description of a message stays with its first chunk only if
 * no tokens are removed.
 */
function chunkFrom<T extends TokenChunk>(chunk: T, tokenCount: number): T {
  return {
    ...chunk,
    ...(tokenCount > 0 && { message: undefined }),
    bytes: chunk.bytes.subarray(tokenCount * 4),
    tokenOffset: chunk.tokenOffset + tokenCount,
    tokenCount: chunk.tokenCount - tokenCount,
  };
}

function joined<T extends TokenChunk>(rest: T, next: T): T {
  return {
    ...rest,
    bytes: Buffer.concat([rest.bytes, next.bytes]),
    tokenCount: rest.tokenCount + next.tokenCount,
    last: next.last,
    endOfMessage: next.endOfMessage,
  };
}
