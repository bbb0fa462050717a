import { ApiError, call, stream } from './api.js';
import type {
  AttachmentInfo,
  Conversation,
  MessageInfo,
  RetrieveConversationResponse,
} from './generated/responses.js';
import { idsOf, type Piece, piecesOf } from './tokens.js';

/** Content of a message. */
export interface Content {
  /** Undefined if its tokens are no text here. */
  readonly text: string | undefined;
  /** True if bytes that are not UTF-8 were replaced. */
  readonly isReplaced: boolean;
  /** The tokens, with their text where it is known; undefined unless they were asked for. */
  readonly pieces: readonly Piece[] | undefined;
  /** Attachments of the message, and its fields. */
  readonly attachments: readonly AttachmentInfo[];
  /** JSON; empty if there are none. */
  readonly fields: string;
}

/** Returns a conversation and the descriptions of all of its messages. */
export async function describe(
  vault: string,
  id: string,
  signal: AbortSignal,
): Promise<{ readonly conversation: Conversation; readonly messages: readonly MessageInfo[] }> {
  const messages: MessageInfo[] = [];
  let if_revision: string | undefined;
  for (let message_offset = 0; ;) {
    const request = {
      vault,
      id,
      include_messages: true,
      message_offset,
      ...(if_revision && { if_revision }),
    };
    const answer = await call('ConversationService', 'GetConversation', request, signal);
    const conversation = answer.conversation!;
    messages.push(...conversation.messages);
    if_revision = conversation.revision;
    message_offset = answer.next_message_offset;
    if (message_offset === 0) return { conversation, messages };
  }
}

interface Range {
  readonly vault: string;
  readonly id: string;
  readonly revision: string;
  readonly from: number;
  readonly count: number;
  readonly withTokens: boolean;
}

/** Reasons for which there are tokens, and no text. */
const noText: readonly string[] = ['UNKNOWN_TOKENIZER', 'UNDECODABLE_TOKEN', 'TOKENIZER_CHANGED'];

/** Reads messages as text, or as tokens where they are no text; without fields if they are too long. */
export async function readMessages(range: Range, signal: AbortSignal): Promise<readonly Content[]> {
  const form = { asText: true, withFields: true };
  for (;;) {
    try {
      return await read(range, form, signal);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (form.asText && noText.includes(error.reason)) form.asText = false;
      else if (form.withFields && error.reason === 'REQUEST_TOO_LARGE') form.withFields = false;
      else throw error;
    }
  }
}

async function read(
  { vault, id, revision, from, count, withTokens }: Range,
  { asText, withFields }: { readonly asText: boolean; readonly withFields: boolean },
  signal: AbortSignal,
): Promise<readonly Content[]> {
  const request = {
    vault,
    id,
    if_revision: revision,
    message_offset: from,
    message_limit: count,
    encoding: asText ? ('ENCODING_TEXT' as const) : ('ENCODING_LE32' as const),
    include_tokens: asText && withTokens,
    include_fields: withFields,
  };
  const contents: Content[] = [];
  for await (const { chunk } of stream('ConversationService', 'RetrieveConversation', request, signal)) {
    if (!chunk) continue;
    const index = chunk.message_index - from;
    contents[index] = joined(contents[index], contentOf(chunk, asText, withTokens));
  }
  return contents;
}

type Chunk = NonNullable<RetrieveConversationResponse['chunk']>;

function contentOf(chunk: Chunk, asText: boolean, withTokens: boolean): Content {
  const attachments = chunk.message?.attachments ?? [];
  const fields = chunk.message?.fields_json ?? '';
  if (!asText) {
    const pieces = idsOf(chunk.tokens_le32 ?? '').map((id) => ({ text: '', ids: [id] }));
    return { text: undefined, isReplaced: false, pieces, attachments, fields };
  }
  const { text = '', replaced: isReplaced } = chunk;
  if (!withTokens) return { text, isReplaced, pieces: undefined, attachments, fields };
  const ids = idsOf(chunk.text_tokens_le32);
  const pieces = isReplaced ? [{ text, ids }] : piecesOf(text, ids, chunk.text_token_ends);
  return { text, isReplaced, pieces, attachments, fields };
}

function joined(before: Content | undefined, next: Content): Content {
  if (before === undefined) return next;
  return {
    ...before,
    text: next.text === undefined ? undefined : (before.text ?? '') + next.text,
    isReplaced: before.isReplaced || next.isReplaced,
    pieces: next.pieces && [...(before.pieces ?? []), ...next.pieces],
  };
}
