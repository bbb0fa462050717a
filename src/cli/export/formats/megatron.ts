import type { ExportFolder } from '../folder.js';
import type { PartialFile } from '../partial-file.js';
import {
  type Format,
  type FormatSettings,
  int32Max,
  littleEndian,
  lossMask,
  type PartStart,
  type PartWriter,
  type TokenSample,
} from './format.js';
import { writeSampleId } from './sample-ids.js';

/**
 * Indexed datasets of Megatron-LM and NeMo: NAME.bin has the tokens back to back, NAME.idx their lengths and
 * offsets. A conversation is one sequence, and one document. With a mask there is a second dataset of the
 * same shape, NAME.loss_mask.bin and .idx, of uint8.
 */
export const megatron: Format<TokenSample> = {
  reads: 'tokens',
  leavesOut: 'conversations without tokens, or with ids of 2147483648 and more',
  filesOfPart: 5,
  begin: (folder, part, settings) => MegatronPart.begin(folder, part, settings),
};

const codes = { uint8: 1, int32: 4, uint16: 8 } as const;
type Kind = keyof typeof codes;
const bytesOf = { uint8: 1, int32: 4, uint16: 2 } as const;

/** Vocabularies up to here are written as uint16: the rule of Megatron's own `optimal_dtype`. */
const uint16TokensMax = 65_499;
const fileMagic = Buffer.from('MMIDIDX\0\0', 'latin1');
const lengthsOfPiece = 2 ** 16;

interface State {
  readonly lengths: Int32Array;
  readonly tokenMax: number;
}

class MegatronPart implements PartWriter<TokenSample> {
  private readonly lengths: number[];
  private tokenMax: number;

  private constructor(
    private readonly folder: ExportFolder,
    private readonly name: string,
    private readonly settings: FormatSettings,
    private readonly words: PartialFile,
    private readonly ids: PartialFile,
    private readonly mask: PartialFile | undefined,
    former: State | undefined,
  ) {
    this.lengths = former ? [...former.lengths] : [];
    this.tokenMax = former?.tokenMax ?? 0;
  }

  static async begin(
    folder: ExportFolder,
    { name, former }: PartStart,
    settings: FormatSettings,
  ): Promise<MegatronPart> {
    const words = await folder.create(`${name}.int32`);
    const ids = await folder.create(`${name}.ids.jsonl`);
    const mask = settings.lossRoles && (await folder.create(`${name}.loss_mask.bin`));
    return new MegatronPart(folder, name, settings, words, ids, mask, former as State | undefined);
  }

  async add(sample: TokenSample): Promise<boolean> {
    if (sample.tokenMax > int32Max) return false;
    await this.words.write(littleEndian(sample.tokens));
    if (this.mask) await this.mask.write(lossMask(sample, this.settings.lossRoles!));
    await writeSampleId(this.ids, sample);
    this.lengths.push(sample.tokens.length);
    this.tokenMax = Math.max(this.tokenMax, sample.tokenMax);
    return true;
  }

  state(): State {
    return { lengths: Int32Array.from(this.lengths), tokenMax: this.tokenMax };
  }

  async finish(): Promise<void> {
    const fits = this.tokenMax <= uint16TokensMax;
    if (fits) await this.narrow();
    else this.folder.rename(this.words, `${this.name}.bin`);
    await this.writeIndex(`${this.name}.idx`, fits ? 'uint16' : 'int32');
    if (this.mask) await this.writeIndex(`${this.name}.loss_mask.idx`, 'uint8');
  }

  /** Writes the words once more, as uint16: only now is it known that all of them fit. */
  private async narrow(): Promise<void> {
    const short = await this.folder.create(`${this.name}.bin`);
    for await (const piece of this.words.read()) {
      const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.length);
      const words = Buffer.allocUnsafe(piece.length / 2);
      // The two upper bytes of each word are 0.
      for (let from = 0, to = 0; from < bytes.length; from += 4, to += 2) {
        words[to] = bytes[from]!;
        words[to + 1] = bytes[from + 1]!;
      }
      await short.write(words);
    }
    await this.folder.drop(this.words);
  }

  private async writeIndex(name: string, kind: Kind): Promise<void> {
    const { lengths } = this;
    const file = await this.folder.create(name);
    const head = Buffer.alloc(25);
    head.writeBigUInt64LE(1n, 0);
    head.writeUInt8(codes[kind], 8);
    head.writeBigUInt64LE(BigInt(lengths.length), 9);
    head.writeBigUInt64LE(BigInt(lengths.length + 1), 17);
    await file.write(fileMagic);
    await file.write(head);
    await inPieces(file, lengths.length, (from, to) =>
      littleEndian(Int32Array.from(lengths.slice(from, to))),
    );
    let offset = 0;
    await inPieces(file, lengths.length, (from, to) => {
      const offsets = BigInt64Array.from(lengths.slice(from, to), (length) => {
        const at = offset;
        offset += length * bytesOf[kind];
        return BigInt(at);
      });
      return littleEndian(offsets);
    });
    await inPieces(file, lengths.length + 1, (from, to) =>
      littleEndian(BigInt64Array.from({ length: to - from }, (_, index) => BigInt(from + index))),
    );
  }
}

async function inPieces(
  file: PartialFile,
  count: number,
  make: (from: number, to: number) => Uint8Array,
): Promise<void> {
  for (let from = 0; from < count; from += lengthsOfPiece) {
    await file.write(make(from, Math.min(from + lengthsOfPiece, count)));
  }
}
