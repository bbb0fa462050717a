import { expect } from 'vitest';
import { createLiveCodec, type LiveCodec } from '../../../src/codec/index.js';
import {
  openLmdbBackend,
  openLmdbReader,
  type LmdbReader,
  type MaintainedBackend,
} from '../../../src/storage/index.js';
import { core } from '../../contract/support.js';
import { temporaryFolder } from '../faults/support.js';

/** A vault in a folder of its own: its writer, and a reader like that of another process. */
export interface WriterAndReader {
  readonly folder: string;
  readonly writer: MaintainedBackend;
  readonly reader: LmdbReader;
  readonly codecs: { readonly writer: LiveCodec; readonly reader: LiveCodec };
  /** Checks every invariant, then closes everything. */
  close(): Promise<void>;
}

export async function openWriterAndReader(): Promise<WriterAndReader> {
  const folder = await temporaryFolder();
  const codecs = { writer: createLiveCodec(core), reader: createLiveCodec(core) };
  const options = { folder: folder.path, codec: codecs.writer, clock: () => 5_000 };
  const writer = await openLmdbBackend(options);
  const reader = await openLmdbReader({
    folder: folder.path,
    codec: codecs.reader,
    lease: () => () => undefined,
    sharers: 1,
  });
  return {
    folder: folder.path,
    writer,
    reader,
    codecs,
    async close() {
      await reader.close();
      expect(await writer.check()).toEqual([]);
      await writer.close();
      await folder.remove();
    },
  };
}
