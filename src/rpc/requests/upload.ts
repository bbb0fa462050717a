import { z } from 'zod';
import { limits, StowkenError } from '../../model/index.js';
import type { UploadInput, UploadPart } from '../../vault/index.js';
import type { UploadConversationRequest } from '../generated/requests.js';
import { RequestDecoder } from '../wire/reader.js';
import { fieldsOf } from '../wire/messages.js';
import { readUploadTokens, uploadPartName } from '../wire/token-requests.js';
import { label, optional, uint64, utf8 } from './fields.js';
import { checkFieldsSize, checkPartSize, parse } from './parse.js';
import { storeFieldsSchema } from './conversation-writes.js';

const specPart = z.object({ spec: storeFieldsSchema });

const messagePart = z
  .object({
    message: z.object({
      role: label,
      name: label,
      tool_call_id: utf8(0, limits.toolCallIdBytesMax),
      fields_json: z.string(),
      special_tokens: z.boolean(),
    }),
  })
  .transform(({ message: { role, name, tool_call_id, fields_json, special_tokens } }): UploadPart => {
    const fields = fieldsOf(fields_json, 'message.fields_json');
    const speaker = { role, name, toolCallId: tool_call_id };
    return { kind: 'message', speaker, ...(fields && { fields }), ...(special_tokens && { specials: true }) };
  });

const finishPart = z
  .object({ finish: z.object({ total_tokens: optional(uint64) }) })
  .transform(({ finish }): UploadPart => ({ kind: 'finish', totalTokens: finish.total_tokens }));

const attachmentPart = z
  .object({ attachment: z.object({ begins: z.boolean(), content: z.custom<Uint8Array>() }) })
  .transform(({ attachment: { begins, content } }): UploadPart => ({
    kind: 'attachment',
    begins,
    bytes: content,
  }));

const codec = new RequestDecoder('stowken.v1.UploadConversationRequest');

export interface UploadRequest {
  readonly vault: string;
  readonly input: UploadInput;
  /** Parts after the spec, read as they are asked for; their content is views of the requests. */
  readonly parts: AsyncGenerator<UploadPart, void, void>;
}

/** Reads an upload's first request, which must be its spec. */
export async function readUpload(requests: AsyncIterator<Buffer, void>): Promise<UploadRequest> {
  const first = await requests.next();
  if (first.done === true) return refuse('spec', 'is missing: there is no request');
  checkPartSize(first.value.length);
  const name = uploadPartName(first.value);
  if (name !== 'spec') return refuse('spec', `is missing: the first request is ${name}`);
  const { spec } = parse(specPart, { spec: decode(first.value).spec! });
  return { ...spec, parts: readParts(requests) };
}

async function* readParts(requests: AsyncIterator<Buffer, void>): AsyncGenerator<UploadPart, void, void> {
  for (let next = await requests.next(); next.done !== true; next = await requests.next()) {
    yield readPart(next.value);
  }
}

function readPart(bytes: Buffer): UploadPart {
  checkPartSize(bytes.length);
  switch (uploadPartName(bytes)) {
    case 'spec':
      return refuse('spec', 'is given twice');
    case 'message':
      return parse(messagePart, { message: decode(bytes).message! });
    case 'tokens':
      return { kind: 'tokens', content: readUploadTokens(bytes) };
    case 'attachment':
      return parse(attachmentPart, { attachment: decode(bytes).attachment! });
    case 'finish':
      return parse(finishPart, { finish: decode(bytes).finish! });
  }
}

/** Decodes a part that uploadPartName has found. */
function decode(bytes: Buffer): UploadConversationRequest {
  checkFieldsSize(bytes.length);
  return codec.decode(bytes);
}

function refuse(field: string, sentence: string): never {
  throw new StowkenError('INVALID_FIELD', `${field} ${sentence}`, { field });
}
