import { StowkenError } from '../../model/index.js';
import type { MessageContent } from '../../vault/index.js';
import { inside } from './inside.js';
import { checkUtf8, decodeUtf8, type StrictReader } from './strict-reader.js';
import { TokenGatherer } from './token-gatherer.js';

/** Tags of TokenList: field number << 3 | wire type. */
const tags = { idsPacked: (1 << 3) | 2, idsUnpacked: 1 << 3 } as const;

/**
 * Reads the forms of a message's content that lie at the reader, without decoding its tokens; their bytes
 * are views of the request where they can be. `field` names the message in refusals. To be made at the
 * message's start. Of one form the last counts, or all of it where that is tokens; two forms are INVALID_FIELD.
 */
export class ContentReader {
  #content: MessageContent = { kind: 'none' };
  #gatherer: TokenGatherer | undefined;
  readonly #capacityBytes: number;

  constructor(
    private readonly reader: StrictReader,
    private readonly field: string,
  ) {
    this.#capacityBytes = reader.len - reader.pos;
  }

  get content(): MessageContent {
    return this.#content;
  }

  tokens(): void {
    const { reader, field } = this;
    this.#gatherer ??= new TokenGatherer(`${field}.tokens.ids`, reader.buf, this.#capacityBytes);
    readTokenList(reader, this.#gatherer);
    this.#replace({ kind: 'varints', chunks: this.#gatherer.chunks() });
  }

  words(): void {
    this.#replace({ kind: 'words', bytes: this.reader.bytes() });
  }

  text(): void {
    this.#replace(textContent(this.reader.bytes()));
  }

  #replace(next: MessageContent): void {
    if (this.#content.kind !== 'none' && this.#content.kind !== next.kind) {
      const field = `${this.field}.content`;
      throw new StowkenError('INVALID_FIELD', `${field} is given in more than one form`, { field });
    }
    this.#content = next;
  }
}

/** A text that becomes a string when it is asked for: strings fill the heap, which is smaller than memory. */
function textContent(bytes: Uint8Array): MessageContent {
  checkUtf8(bytes);
  return {
    kind: 'text',
    utf8Bytes: bytes.length,
    get text() {
      return decodeUtf8(bytes);
    },
  };
}

function readTokenList(reader: StrictReader, gatherer: TokenGatherer): void {
  inside(reader, () => {
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      if (tag === tags.idsPacked) {
        const length = reader.uint32();
        const start = reader.pos;
        gatherer.add(start, reader.skip(length).pos);
      } else if (tag === tags.idsUnpacked) {
        const start = reader.pos;
        gatherer.add(start, reader.skip().pos);
      } else {
        reader.skipType(tag & 7);
      }
    }
  });
}
