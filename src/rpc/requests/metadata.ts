import { z } from 'zod';
import { limits } from '../../model/index.js';
import { refuse, type Context } from './parse.js';

/** Labels by name: their number, and the size of every key and value. */
export function metadata(entriesMax: number) {
  return z.custom<Record<string, string>>().check((context) => {
    const entries = Object.entries(context.value);
    const size = entries.length;
    if (size > entriesMax) {
      refuse(context, `has ${size} entries; the limit is ${entriesMax}`, { size, limit: entriesMax });
      return;
    }
    for (const [key, value] of entries) checkEntry(context, key, value);
  });
}

function checkEntry(context: Context, key: string, value: string): void {
  const keySize = Buffer.byteLength(key);
  const { metadataKeyBytesMax: keyLimit, metadataValueBytesMax: valueLimit } = limits;
  if (keySize === 0 || keySize > keyLimit) {
    refuse(context, `has a key of ${keySize} bytes; 1 to ${keyLimit} are allowed`, {
      size: keySize,
      limit: keyLimit,
    });
  }
  // The one name that a JavaScript object does not keep like any other.
  if (key === '__proto__') refuse(context, 'has the key __proto__, which is reserved', { value: key });
  const size = Buffer.byteLength(value);
  if (size > valueLimit) {
    refuse(context, `has a value of ${size} bytes; the limit is ${valueLimit}`, { size, limit: valueLimit });
  }
}
