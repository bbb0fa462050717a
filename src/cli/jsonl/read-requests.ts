import type { StoreRequest } from '../../client/index.js';
import type { Io } from '../io.js';
import { splitLines } from './lines.js';
import { BadLine, parseRecord } from './record.js';
import { readSource } from './source.js';
import { toStoreRequest, type RecordDefaults } from './to-store.js';

/** The conversations of one file, as import stores them; fields that cannot be stored are left out. @throws BadLine with the line's number */
export async function* readStoreRequests(
  file: string,
  defaults: RecordDefaults,
  io: Pick<Io, 'stdin'>,
): AsyncGenerator<StoreRequest, void, void> {
  for await (const { number, bytes } of splitLines(readSource(file, io), Infinity)) {
    try {
      const record = parseRecord(bytes ?? Buffer.alloc(0), true);
      if (record !== undefined) yield toStoreRequest(record, defaults);
    } catch (error) {
      throw error instanceof BadLine ? new BadLine(`${file}:${number}: ${error.message}`) : error;
    }
  }
}
