import { z } from 'zod';
import { limits } from '../../model/index.js';
import type { FindPrefixInput } from '../../vault/index.js';
import { MessageCodec } from '../wire/codec.js';
import { readFindPrefixRequest } from '../wire/find-prefix-request.js';
import { label, optional, uint64, vaultName } from './fields.js';
import { parse, refuse } from './parse.js';
import { checkFieldsSize } from './size.js';

const matches = z.number().transform((limit, context) => {
  const most = limits.prefixMatchesMax;
  if (limit <= most) return limit === 0 ? limits.prefixMatchesDefault : limit;
  return refuse(context, `is ${limit}; the limit is ${most}`, { value: String(limit), limit: most });
});

const schema = z
  .object({
    vault: vaultName,
    tokenizer: label,
    application: optional(label),
    min_tokens: uint64,
    limit: matches,
  })
  .transform(({ vault, tokenizer, application, min_tokens, limit }) => ({
    vault,
    input: { tokenizer, application, minTokens: min_tokens, limit },
  }));

const codec = new MessageCodec('stowken.v1.FindPrefixRequest');

export interface FindPrefixRequest {
  readonly vault: string;
  readonly input: FindPrefixInput;
}

export async function readFindPrefix(bytes: Buffer, signal: AbortSignal): Promise<FindPrefixRequest> {
  const { fields, content } = await readFindPrefixRequest(bytes, signal);
  checkFieldsSize(fields.length);
  const { vault, input } = parse(schema, codec.decode(fields));
  return { vault, input: { ...input, content } };
}
