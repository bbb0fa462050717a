import { limits, StowkenError } from '../../model/index.js';
import type { MessageContent, NewMessage } from '../../vault/index.js';
import type { StrictReader } from './strict-reader.js';
import { TokenGatherer } from './token-gatherer.js';

/** Tags of Message and TokenList: field number << 3 | wire type. */
const tags = {
  role: (1 << 3) | 2,
  name: (2 << 3) | 2,
  toolCallId: (3 << 3) | 2,
  tokens: (4 << 3) | 2,
  tokensLe32: (5 << 3) | 2,
  text: (6 << 3) | 2,
  idsPacked: (1 << 3) | 2,
  idsUnpacked: 1 << 3,
} as const;

/**
 * Reads one Message that lies at the reader, without decoding its tokens; their bytes are views of the
 * request where they can be. `field` names it in refusals. A message in two forms at once is INVALID_FIELD.
 */
export function readMessage(reader: StrictReader, field: string): NewMessage {
  const speaker = { role: '', name: '', toolCallId: '' };
  let content: MessageContent = { kind: 'none' };
  let gatherer: TokenGatherer | undefined;
  const replace = (next: MessageContent): void => {
    if (content.kind !== 'none' && content.kind !== next.kind) throw twoForms(field);
    content = next;
  };
  inside(reader, () => {
    const start = reader.pos;
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      switch (tag) {
        case tags.role:
          speaker.role = readLabel(reader, `${field}.role`, limits.labelBytesMax);
          break;
        case tags.name:
          speaker.name = readLabel(reader, `${field}.name`, limits.labelBytesMax);
          break;
        case tags.toolCallId:
          speaker.toolCallId = readLabel(reader, `${field}.tool_call_id`, limits.toolCallIdBytesMax);
          break;
        case tags.tokens:
          gatherer ??= new TokenGatherer(`${field}.tokens.ids`, reader.buf, reader.len - start);
          readTokenList(reader, gatherer);
          replace({ kind: 'varints', chunks: gatherer.chunks() });
          break;
        case tags.tokensLe32:
          replace({ kind: 'words', bytes: reader.bytes() });
          break;
        case tags.text:
          replace({ kind: 'text', text: reader.string() });
          break;
        default:
          reader.skipType(tag & 7);
      }
    }
  });
  return { ...speaker, content };
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

/** Reads a length and then that many bytes with `read`, which sees them as all there is. */
function inside(reader: StrictReader, read: () => void): void {
  const outerEnd = reader.len;
  const length = reader.uint32();
  const end = reader.pos + length;
  if (end > outerEnd) throw new RangeError(`${length} bytes announced, ${outerEnd - reader.pos} there`);
  reader.len = end;
  read();
  if (reader.pos !== end) throw new RangeError('a field runs past the end of its message');
  reader.len = outerEnd;
}

function readLabel(reader: StrictReader, field: string, limit: number): string {
  const start = reader.pos;
  const size = reader.uint32();
  if (size > limit) {
    throw new StowkenError('INVALID_FIELD', `${field} has ${size} bytes; the limit is ${limit}`, {
      field,
      size: String(size),
      limit: String(limit),
    });
  }
  reader.pos = start;
  return reader.string();
}

function twoForms(field: string): StowkenError {
  const content = `${field}.content`;
  return new StowkenError('INVALID_FIELD', `${content} is given in more than one form`, { field: content });
}
