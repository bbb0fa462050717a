import { z } from 'zod';
import { limits, type ConversationSpec } from '../../model/index.js';
import { label, optional, optionalId } from './fields.js';
import { metadata } from './metadata.js';
import { refuse } from './parse.js';
import { timestampMs } from './times.js';

const expireTime = timestampMs.check((context) => {
  if (context.value < 0) refuse(context, 'is before 1970', { value: String(context.value) });
});

/** A conversation of which nothing is said. */
const anonymous: ConversationSpec = {
  id: '',
  application: '',
  model: '',
  tokenizer: '',
  parentId: '',
  expireTimeMs: undefined,
  metadata: {},
};

/** Of a Conversation that a client sends, what is read. */
export const conversationSpec = z
  .object({
    id: optionalId,
    application: label,
    model: label,
    tokenizer: label,
    parent_id: optionalId,
    expire_time: optional(expireTime),
    metadata: metadata(limits.metadataEntriesMax),
  })
  .transform(({ parent_id, expire_time, ...rest }): ConversationSpec => ({
    ...rest,
    parentId: parent_id,
    expireTimeMs: expire_time,
  }))
  .nullable()
  .transform((spec) => spec ?? anonymous);
