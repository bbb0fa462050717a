import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import type { PartialFile } from '../partial-file.js';
import {
  type Format,
  type FormatSettings,
  int32Max,
  lossMask,
  type PartWriter,
  type TokenSample,
} from './format.js';

/** Rows of a row group at most, and tokens: the library needs some 100 bytes for each. */
const rowsMax = 1000;
const groupTokensMax = 2 ** 17;

type Schema = ConstructorParameters<typeof ParquetWriter>[0]['schema'];

/**
 * Parquet, with the columns of the Arrow format; lists have the three levels of the format's LIST. Every
 * token becomes a JavaScript number on the way, so that it is much slower than Arrow.
 */
export const parquet: Format<TokenSample> = {
  reads: 'tokens',
  leavesOut: 'conversations without tokens, or with ids of 2147483648 and more',
  filesOfPart: 1,
  async begin(folder, { name, former }, settings) {
    const file = await folder.create(`${name}.parquet`);
    return new ParquetPart(file, settings, former as State | undefined);
  },
};

interface State {
  /** Rows of the group under way. */
  readonly rows: readonly TokenSample[];
  /** State of the library's writer, and its place in the file. */
  readonly writer: Pick<ParquetWriter, 'row_groups' | 'num_rows' | 'pendingIndexes'>;
  readonly offset: number;
}

class ParquetPart implements PartWriter<TokenSample> {
  private readonly bytes = new ByteWriter();
  private readonly writer: ParquetWriter;
  private rows: TokenSample[];
  private tokens: number;

  constructor(
    private readonly file: PartialFile,
    private readonly settings: FormatSettings,
    former: State | undefined,
  ) {
    this.rows = former ? [...former.rows] : [];
    this.tokens = this.rows.reduce((sum, { tokens }) => sum + tokens.length, 0);
    this.writer = new ParquetWriter({
      writer: this.bytes,
      schema: schemaOf(settings),
      statistics: false,
      createdBy: 'stowken',
    });
    if (former === undefined) return;
    Object.assign(this.writer, former.writer);
    this.bytes.offset = former.offset;
    // The writer has just made the file's beginning, which was written with the first group.
    if (file.bytes > 0) this.bytes.index = 0;
  }

  async add(sample: TokenSample): Promise<boolean> {
    if (sample.tokenMax > int32Max) return false;
    const { length } = sample.tokens;
    const tokensMax = Math.min(groupTokensMax, this.settings.batchTokensMax);
    if (this.rows.length > 0 && this.tokens + length > tokensMax) await this.writeGroup();
    this.rows.push(sample);
    this.tokens += length;
    if (this.rows.length === rowsMax) await this.writeGroup();
    return true;
  }

  state(): State {
    const { row_groups, num_rows, pendingIndexes } = this.writer;
    return { rows: this.rows, writer: { row_groups, num_rows, pendingIndexes }, offset: this.bytes.offset };
  }

  async finish(): Promise<void> {
    if (this.rows.length > 0) await this.writeGroup();
    await this.writer.finish();
    await this.drain();
  }

  private async writeGroup(): Promise<void> {
    const { rows } = this;
    const { lossRoles } = this.settings;
    const text = (name: 'id' | 'application' | 'model' | 'tokenizer') => ({
      name,
      data: rows.map(({ conversation }) => conversation[name]),
    });
    const columnData = [
      text('id'),
      text('application'),
      text('model'),
      text('tokenizer'),
      { name: 'input_ids', data: rows.map(({ tokens }) => Array.from(tokens)) },
      { name: 'roles', data: rows.map(({ messages }) => messages.map(({ role }) => role)) },
      { name: 'message_tokens', data: rows.map(({ messages }) => messages.map((part) => part.tokenCount)) },
      ...(lossRoles
        ? [{ name: 'loss_mask', data: rows.map((row) => Array.from(lossMask(row, lossRoles))) }]
        : []),
    ];
    await this.writer.write({ columnData, rowGroupSize: rows.length });
    await this.drain();
    this.rows = [];
    this.tokens = 0;
  }

  /** Moves what the library has made to the file; its own offset goes on. */
  private async drain(): Promise<void> {
    await this.file.write(this.bytes.getBytes());
    this.bytes.index = 0;
  }
}

function schemaOf({ lossRoles }: FormatSettings): Schema {
  const text = (name: string) =>
    ({ name, type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' }) as const;
  const list = (name: string, element: object): Schema => [
    { name, converted_type: 'LIST', repetition_type: 'REQUIRED', num_children: 1 },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    { name: 'element', repetition_type: 'REQUIRED', ...element },
  ];
  const int32 = { type: 'INT32' } as const;
  return [
    { name: 'root', num_children: lossRoles ? 8 : 7 },
    text('id'),
    text('application'),
    text('model'),
    text('tokenizer'),
    ...list('input_ids', int32),
    ...list('roles', { type: 'BYTE_ARRAY', converted_type: 'UTF8' }),
    ...list('message_tokens', int32),
    ...(lossRoles ? list('loss_mask', int32) : []),
  ];
}
