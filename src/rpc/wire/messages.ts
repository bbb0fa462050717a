import { checkAttachment, limits, StowkenError } from '../../model/index.js';
import type { NewMessage } from '../../vault/index.js';
import { ContentReader } from './content.js';
import { enterMessage, leaveMessage, readRepeated, type StrictReader } from './reader.js';

/** Tags of Message: field number << 3 | wire type. */
const tags = {
  role: (1 << 3) | 2,
  name: (2 << 3) | 2,
  toolCallId: (3 << 3) | 2,
  tokens: (4 << 3) | 2,
  tokensLe32: (5 << 3) | 2,
  text: (6 << 3) | 2,
  fieldsJson: (60 << 3) | 2,
  specialTokens: 104 << 3,
  attachment: (160 << 3) | 2,
} as const;

/** Reads one Message at the reader. `field` names it in errors. See ContentReader. */
function readMessage(reader: StrictReader, field: string): NewMessage {
  let role = '';
  let name = '';
  let toolCallId = '';
  let fields: Uint8Array | undefined;
  let specials = false;
  let attachments: Uint8Array[] | undefined;
  const outerEnd = enterMessage(reader);
  const content = new ContentReader(reader, field);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    switch (tag) {
      case tags.role:
        role = readLabel(reader, field, 'role', limits.labelBytesMax);
        break;
      case tags.name:
        name = readLabel(reader, field, 'name', limits.labelBytesMax);
        break;
      case tags.toolCallId:
        toolCallId = readLabel(reader, field, 'tool_call_id', limits.toolCallIdBytesMax);
        break;
      case tags.fieldsJson:
        fields = fieldsOf(reader.string(), `${field}.fields_json`);
        break;
      case tags.specialTokens:
        specials = reader.bool();
        break;
      case tags.attachment: {
        const bytes = reader.bytes();
        attachments ??= [];
        attachments.push(bytes);
        checkAttachment(`${field}.attachments`, attachments.length, bytes.length);
        break;
      }
      case tags.tokens:
        content.tokens();
        break;
      case tags.tokensLe32:
        content.le32();
        break;
      case tags.text:
        content.text();
        break;
      default:
        reader.skipType(tag & 7);
    }
  }
  leaveMessage(reader, outerEnd);
  const said = content.content;
  const asked = specials && said.kind === 'text' ? ({ ...said, specials } as const) : said;
  const message = { role, name, toolCallId, content: asked };
  if (fields === undefined && attachments === undefined) return message;
  return { ...message, ...(fields && { fields }), ...(attachments && { attachments }) };
}

/** Returns JSON as bytes; undefined if it is empty. @throws StowkenError INVALID_FIELD */
export function fieldsOf(json: string, field: string): Uint8Array | undefined {
  if (json === '') return undefined;
  const fields = Buffer.from(json);
  const limit = limits.fieldsBytesMax;
  if (fields.length > limit) {
    throw new StowkenError('INVALID_FIELD', `${field} has ${fields.length} bytes; the limit is ${limit}`, {
      field,
      size: String(fields.length),
      limit: String(limit),
    });
  }
  try {
    JSON.parse(json);
  } catch {
    throw new StowkenError('INVALID_FIELD', `${field} is no JSON`, { field });
  }
  return fields;
}

/** Reads a text of a message; `message` and `label` name it in an error. */
function readLabel(reader: StrictReader, message: string, label: string, limit: number): string {
  const start = reader.pos;
  const size = reader.uint32();
  if (size > limit) {
    const field = `${message}.${label}`;
    throw new StowkenError('INVALID_FIELD', `${field} has ${size} bytes; the limit is ${limit}`, {
      field,
      size: String(size),
      limit: String(limit),
    });
  }
  reader.pos = start;
  return reader.string();
}

/** A request with a field `messages`, split. */
export interface MessagesRequestParts {
  /** All fields but `messages`, unchanged, for the ordinary decoder. */
  readonly fields: Buffer;
  /** Their tokens are views of the request. */
  readonly messages: NewMessage[];
}

/** Reads a request whose field 3 is its messages, such as StoreConversation and AppendMessages. */
export async function readMessagesRequest(
  request: 'StoreConversationRequest' | 'AppendMessagesRequest' | 'RenderMessagesRequest',
  bytes: Buffer,
  signal: AbortSignal,
): Promise<MessagesRequestParts> {
  const field = {
    request,
    name: 'messages',
    number: 3,
    itemsMax: limits.messagesPerRequestMax,
    read: readMessage,
  };
  const { fields, items } = await readRepeated(field, bytes, signal);
  return { fields, messages: items };
}
