import type { PartialFile } from '../partial-file.js';
import {
  type Format,
  littleEndian,
  lossMask,
  type PartWriter,
  type TokenSample,
  type FormatSettings,
} from './format.js';
import { writeSampleId } from './sample-ids.js';

/**
 * Arrays of NumPy: NAME.tokens.npy has the tokens back to back (uint32), NAME.offsets.npy where each
 * conversation begins, and the end of the last (int64), NAME.ids.jsonl their ids. With a mask also
 * NAME.loss_mask.npy (uint8).
 */
export const npy: Format<TokenSample> = {
  reads: 'tokens',
  leavesOut: 'conversations without tokens',
  filesOfPart: 4,
  async begin(folder, { name, former }, settings) {
    const tokens = await NpyFile.begin(await folder.create(`${name}.tokens.npy`), '<u4', 4);
    const offsets = await NpyFile.begin(await folder.create(`${name}.offsets.npy`), '<i8', 8);
    if (former === undefined) await offsets.write(littleEndian(BigInt64Array.of(0n)));
    const ids = await folder.create(`${name}.ids.jsonl`);
    const mask =
      settings.lossRoles && (await NpyFile.begin(await folder.create(`${name}.loss_mask.npy`), '|u1', 1));
    return new NpyPart({ tokens, offsets, ids, mask }, settings, (former as State | undefined)?.end ?? 0);
  },
};

interface State {
  readonly end: number;
}

class NpyPart implements PartWriter<TokenSample> {
  constructor(
    private readonly files: {
      readonly tokens: NpyFile;
      readonly offsets: NpyFile;
      readonly ids: PartialFile;
      readonly mask: NpyFile | undefined;
    },
    private readonly settings: FormatSettings,
    /** Tokens so far. */
    private end: number,
  ) {}

  async add(sample: TokenSample): Promise<boolean> {
    const { tokens, offsets, ids, mask } = this.files;
    this.end += sample.tokens.length;
    await tokens.write(littleEndian(sample.tokens));
    await offsets.write(littleEndian(BigInt64Array.of(BigInt(this.end))));
    await writeSampleId(ids, sample);
    if (mask) await mask.write(lossMask(sample, this.settings.lossRoles!));
    return true;
  }

  state(): State {
    return { end: this.end };
  }

  async finish(): Promise<void> {
    await this.files.tokens.finish();
    await this.files.offsets.finish();
    await this.files.mask?.finish();
  }
}

/** Bytes of a header, padded so that its length does not depend on the number of items. */
const headerBytes = 128;

/** An array of one dimension whose length is known when it is complete. */
class NpyFile {
  private constructor(
    private readonly file: PartialFile,
    private readonly type: string,
    private readonly itemBytes: number,
  ) {}

  static async begin(file: PartialFile, type: string, itemBytes: number): Promise<NpyFile> {
    if (file.bytes === 0) await file.write(npyHeader(type, 0));
    return new NpyFile(file, type, itemBytes);
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.file.write(bytes);
  }

  finish(): Promise<void> {
    const items = (this.file.bytes - headerBytes) / this.itemBytes;
    return this.file.replace(0, npyHeader(this.type, items));
  }
}

/** Returns the header of version 1.0. */
function npyHeader(type: string, items: number): Buffer {
  const fields = `{'descr': '${type}', 'fortran_order': False, 'shape': (${items},), }`;
  const header = Buffer.alloc(headerBytes, ' ');
  header.write('\x93NUMPY\x01\x00', 0, 'latin1');
  header.writeUInt16LE(headerBytes - 10, 8);
  header.write(fields, 10, 'latin1');
  header.write('\n', headerBytes - 1, 'latin1');
  return header;
}
