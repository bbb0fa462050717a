import type { CreateTime } from './create-time.js';
import type { DataOf } from './data.js';
import type { Json } from './json.js';
import type { PlainMessage } from './dialects.js';

/** A message of a document, ready to be stored. */
export interface DraftMessage extends PlainMessage {
  /** Skeleton of the message in its document; undefined if it is what its dialect says of it. */
  readonly fields: Json | undefined;
  /**
   * Text of the message, if its content is what a chat template made of it: itself, or its place in the text
   * of the content. Beside a text: that very text, because its tokenizer may change it.
   */
  readonly said?: string | readonly [from: number, to: number];
  /** Bytes that were taken out of the skeleton. */
  readonly data?: DataOf;
}

/** Fields of a conversation, as its document has them. */
export interface DraftSpec {
  readonly id?: string | undefined;
  readonly application?: string | undefined;
  readonly model?: string | undefined;
  readonly tokenizer?: string | undefined;
  readonly parentId?: string | undefined;
  readonly createTime?: CreateTime;
  readonly expireTimeMs?: number | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** A conversation as it was read. */
export interface Draft {
  /** Name of the shape. */
  readonly format: string;
  readonly spec: DraftSpec;
  readonly messages: readonly DraftMessage[];
  /** Skeleton of the document. */
  readonly document: Json;
  /** Bytes that were taken out of it. */
  readonly data?: DataOf;
  /** Rest of the document that had the conversation, and others, in a list. */
  readonly wrapper?: Json;
}
