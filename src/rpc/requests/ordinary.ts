import type { z } from 'zod';
import { MessageCodec } from '../wire/codec.js';
import { parse } from './parse.js';
import { checkFieldsSize } from './size.js';

/** How a request that carries no tokens is read: decoded as a whole, then checked. */
export function ordinaryRequest<Schema extends z.ZodType>(
  messageName: string,
  schema: Schema,
): (bytes: Buffer) => z.output<Schema> {
  const codec = new MessageCodec(messageName);
  return (bytes) => {
    checkFieldsSize(bytes.length);
    return parse(schema, codec.decode(bytes));
  };
}
