export const logName = 'log';

/** More than a record to a block, and some that cross from one to the next. */
const RECORD_BYTES = 1500;

export function recordOf(number: number): Buffer {
  return Buffer.alloc(RECORD_BYTES, `record ${number}\n`);
}

/** Returns the number of complete records from the first on. */
export function recordsIn(log: Buffer): number {
  let records = 0;
  const at = (number: number) => log.subarray((number - 1) * RECORD_BYTES, number * RECORD_BYTES);
  while (at(records + 1).equals(recordOf(records + 1))) records++;
  return records;
}
