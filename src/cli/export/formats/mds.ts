import type { ExportFolder } from '../folder.js';
import type { PartialFile } from '../partial-file.js';
import {
  type Format,
  type FormatSettings,
  int32Max,
  littleEndian,
  lossMask,
  type PartWriter,
  type TokenSample,
} from './format.js';

/** Size of a shard, unless --shards names their number: the default of MosaicML's own writer. */
const shardBytesMax = 2 ** 26;
/** Offsets in a shard have 32 bits. */
const shardBytesLimit = 2 ** 32 - 1;

interface ShardInfo {
  readonly split: string;
  readonly name: string;
  readonly samples: number;
  readonly bytes: number;
}

/**
 * Shards of MosaicML Streaming (MDS): a folder for each split, with shards and index.json. A sample has the
 * columns id, application, model, tokenizer (str), tokens (ndarray:int32), and loss_mask (ndarray:uint8) with
 * a mask.
 */
export function mds(): Format<TokenSample> {
  const shards: ShardInfo[] = [];
  const splits = new Set<string>();
  let columns: readonly (readonly [string, string])[] = [];
  return {
    reads: 'tokens',
    leavesOut: 'conversations without tokens, or with ids of 2147483648 and more',
    filesOfPart: 2,
    async begin(folder, { split, shard, shards: shardCount, former }, settings) {
      columns = columnsOf(settings);
      splits.add(split);
      const bytesMax = shardCount === 1 ? shardBytesMax : shardBytesLimit;
      const part = new MdsPart(folder, { split, first: shard, bytesMax, columns }, settings, shards);
      if (former !== undefined) await part.goOn(former as State);
      return part;
    },
    async complete(folder) {
      for (const split of splits) {
        const own = shards
          .filter((shard) => shard.split === split)
          .sort((a, b) => (a.name < b.name ? -1 : 1));
        const index = await folder.create(`${split}/index.json`);
        const entries = own.map((shard) => shardEntry(shard, columns));
        await index.write(JSON.stringify({ shards: entries, version: 2 }));
      }
    },
  };
}

/** Returns columns and encodings, in the order of names that the format asks for. */
function columnsOf({ lossRoles }: FormatSettings): readonly (readonly [string, string])[] {
  return [
    ['application', 'str'],
    ['id', 'str'],
    ...(lossRoles ? [['loss_mask', 'ndarray:uint8'] as const] : []),
    ['model', 'str'],
    ['tokenizer', 'str'],
    ['tokens', 'ndarray:int32'],
  ];
}

interface State {
  /** Shards of the part that are whole. */
  readonly written: readonly ShardInfo[];
  /** Sizes of the samples in the shard under way. */
  readonly sizes: readonly number[];
}

interface Shape {
  readonly split: string;
  /** Number of the first shard. Further ones follow it if there is only one part. */
  readonly first: number;
  readonly bytesMax: number;
  readonly columns: readonly (readonly [string, string])[];
}

class MdsPart implements PartWriter<TokenSample> {
  private readonly config: Buffer;
  private body: PartialFile | undefined;
  private sizes: number[] = [];
  private readonly written: ShardInfo[] = [];

  constructor(
    private readonly folder: ExportFolder,
    private readonly shape: Shape,
    private readonly settings: FormatSettings,
    private readonly shards: ShardInfo[],
  ) {
    const config = { ...shardConfig(shape.columns), size_limit: shardBytesMax };
    this.config = Buffer.from(JSON.stringify(config));
  }

  async add(sample: TokenSample): Promise<boolean> {
    if (sample.tokenMax > int32Max) return false;
    const columns = this.columnBytes(sample);
    const size = columns.reduce((sum, bytes) => sum + bytes.length, 4 * columns.length);
    if (this.body !== undefined && this.shardBytes(this.sizes.length + 1, size) > this.shape.bytesMax) {
      await this.finishShard();
    }
    if (this.shardBytes(this.sizes.length + 1, size) > shardBytesLimit) return false;
    this.body ??= await this.folder.create(`${this.name()}.samples`);
    await this.body.write(littleEndian(Uint32Array.from(columns, (bytes) => bytes.length)));
    for (const bytes of columns) await this.body.write(bytes);
    this.sizes.push(size);
    return true;
  }

  async finish(): Promise<void> {
    if (this.body !== undefined) await this.finishShard();
  }

  state(): State {
    return { written: this.written, sizes: this.sizes };
  }

  /** Goes on behind what an earlier process wrote. Shards that are whole belong to the folder again. */
  async goOn({ written, sizes }: State): Promise<void> {
    for (const info of written) {
      await this.folder.create(`${info.split}/${info.name}`);
      this.written.push(info);
      this.shards.push(info);
    }
    this.sizes = [...sizes];
    if (sizes.length > 0) this.body = await this.folder.create(`${this.name()}.samples`);
  }

  private columnBytes(sample: TokenSample): Uint8Array[] {
    const { application, id, model, tokenizer } = sample.conversation;
    const { lossRoles } = this.settings;
    const mask = lossRoles ? [arrayBytes(lossMask(sample, lossRoles), sample.tokens.length)] : [];
    const text = (value: string) => Buffer.from(value);
    const tokens = arrayBytes(littleEndian(sample.tokens), sample.tokens.length);
    return [text(application), text(id), ...mask, text(model), text(tokenizer), tokens];
  }

  /** Returns the bytes of a shard with so many samples, of which the last has this size. */
  private shardBytes(samples: number, size: number): number {
    return 4 + 4 * (samples + 1) + this.config.length + (this.body?.bytes ?? 0) + size;
  }

  private name(): string {
    return `${this.shape.split}/shard.${String(this.shape.first + this.written.length).padStart(5, '0')}.mds`;
  }

  /** Writes number of samples, their offsets, the configuration, the samples. */
  private async finishShard(): Promise<void> {
    const { sizes, config } = this;
    const name = this.name();
    const file = await this.folder.create(name);
    const head = new Uint32Array(sizes.length + 2);
    head[0] = sizes.length;
    head[1] = head.byteLength + config.length;
    sizes.forEach((size, index) => (head[index + 2] = head[index + 1]! + size));
    await file.write(littleEndian(head));
    await file.write(config);
    for await (const piece of this.body!.read()) await file.write(piece);
    await this.folder.drop(this.body!);
    const { split } = this.shape;
    const info = { split, name: name.slice(split.length + 1), samples: sizes.length, bytes: file.bytes };
    this.shards.push(info);
    this.written.push(info);
    this.body = undefined;
    this.sizes = [];
  }
}

/** Returns an array of one dimension: number of dimensions and width of the length, length, values. */
function arrayBytes(values: Uint8Array, length: number): Uint8Array {
  const width = length < 2 ** 8 ? 0 : length < 2 ** 16 ? 1 : 2;
  const head = Buffer.alloc(1 + 2 ** width);
  head.writeUInt8((1 << 2) | width);
  head.writeUIntLE(length, 1, 2 ** width);
  return Buffer.concat([head, values]);
}

function shardConfig(columns: readonly (readonly [string, string])[]) {
  return {
    column_encodings: columns.map(([, encoding]) => encoding),
    column_names: columns.map(([name]) => name),
    column_sizes: columns.map(() => null),
    compression: null,
    format: 'mds',
    hashes: [],
  };
}

function shardEntry(
  { name, samples, bytes }: ShardInfo,
  columns: readonly (readonly [string, string])[],
): object {
  return {
    ...shardConfig(columns),
    raw_data: { basename: name, bytes, hashes: {} },
    samples,
    size_limit: shardBytesMax,
    version: 2,
    zip_data: null,
  };
}
