import { toJson, type Conversation } from '../../model/index.js';
import { unseal } from './envelope.js';
import type { ReadPart } from './read-exact.js';

type MessagePart = Extract<ReadPart, { kind: 'message' }>;

/** A conversation as one JSON line, message by message; the inverse of import. */
export async function* recordPieces(parts: AsyncIterable<ReadPart>): AsyncGenerator<string, void, void> {
  let separator = '';
  for await (const part of parts) {
    if (part.kind === 'header') yield opening(part.conversation);
    else {
      yield separator + messageJson(part);
      separator = ',';
    }
  }
  yield ']}\n';
}

function opening(conversation: Conversation): string {
  const { id, application, model, tokenizer, parentId, expireTimeMs, metadata } = conversation;
  const head = {
    id,
    application,
    model,
    tokenizer,
    ...(parentId !== '' && { parent_id: parentId }),
    ...(expireTimeMs !== undefined && { expire_time: new Date(expireTimeMs).toISOString() }),
    ...(Object.keys(metadata).length > 0 && { metadata }),
  };
  return `${toJson(head).slice(0, -1)},"messages":[`;
}

function messageJson({ role, name, toolCallId, content }: MessagePart): string {
  const speaker = toJson({
    role,
    ...(name !== '' && { name }),
    ...(toolCallId !== '' && { tool_call_id: toolCallId }),
  });
  const said =
    typeof content === 'string' ? toJson(unseal(content)).slice(1) : `"tokens":[${content.join(',')}]}`;
  return `${speaker.slice(0, -1)},${said}`;
}
