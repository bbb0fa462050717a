import { limits, StowkenError } from '../../model/index.js';
import { nextTurn } from '../../queue/index.js';
import { reading } from './codec.js';
import { StrictReader } from './strict-reader.js';

/** A repeated message field of a request. */
export interface RepeatedField<Item> {
  readonly request: string;
  readonly name: string;
  readonly number: number;
  readonly itemsMax: number;
  /** Reads the message that lies at the reader; `field` names it in refusals. */
  readonly read: (reader: StrictReader, field: string) => Item;
}

/**
 * Reads the items of a repeated field by hand, so that their tokens never become JavaScript arrays, and
 * gives all other fields as they arrived, for the ordinary decoder. Lets other calls have a turn now and
 * then: a request can have very many items.
 */
export async function readRepeated<Item>(
  { request, name, number, itemsMax, read }: RepeatedField<Item>,
  bytes: Buffer,
  signal: AbortSignal,
): Promise<{ readonly fields: Buffer; readonly items: Item[] }> {
  const reader = new StrictReader(bytes);
  const { fields, positions } = reading(request, () => split(reader, bytes, number));
  checkCount(name, positions.length, itemsMax);
  const items: Item[] = [];
  for (const [index, position] of positions.entries()) {
    if (index > 0 && index % limits.turnMessagesMax === 0) {
      await nextTurn();
      signal.throwIfAborted();
    }
    reader.pos = position;
    items.push(reading(request, () => read(reader, `${name}[${index}]`)));
  }
  return { fields, items };
}

/** Finds the items, and gathers the other fields. */
function split(reader: StrictReader, bytes: Buffer, number: number) {
  const fields: Buffer[] = [];
  const positions: number[] = [];
  const itemTag = (number << 3) | 2;
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const tag = reader.uint32();
    if (tag === itemTag) positions.push(reader.pos);
    reader.skipType(tag & 7);
    // The field in another wire type is an unknown field, and would mislead the ordinary decoder.
    if (tag >>> 3 !== number) fields.push(bytes.subarray(start, reader.pos));
  }
  return { fields: Buffer.concat(fields), positions };
}

function checkCount(field: string, size: number, limit: number): void {
  if (size <= limit) return;
  throw new StowkenError('INVALID_FIELD', `${field} has ${size} entries; the limit is ${limit}`, {
    field,
    size: String(size),
    limit: String(limit),
  });
}
