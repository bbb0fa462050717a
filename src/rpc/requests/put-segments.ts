import { z } from 'zod';
import { limits } from '../../model/index.js';
import type { PutSegmentsInput } from '../../vault/index.js';
import { MessageCodec } from '../wire/codec.js';
import { readPutSegmentsRequest } from '../wire/put-segments-request.js';
import { utf8, vaultName } from './fields.js';
import { parse } from './parse.js';
import { checkFieldsSize } from './size.js';

const schema = z.object({ vault: vaultName, holder: utf8(0, limits.holderBytesMax) });
const codec = new MessageCodec('stowken.v1.PutSegmentsRequest');

export interface PutSegmentsRequest {
  readonly vault: string;
  readonly input: PutSegmentsInput;
}

export async function readPutSegments(bytes: Buffer, signal: AbortSignal): Promise<PutSegmentsRequest> {
  const { fields, contents } = await readPutSegmentsRequest(bytes, signal);
  checkFieldsSize(fields.length);
  const { vault, holder } = parse(schema, codec.decode(fields));
  return { vault, input: { contents, holder: holder === '' ? undefined : holder } };
}
