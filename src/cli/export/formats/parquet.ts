import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import type { PartialFile } from '../folder.js';
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
  async begin(folder, { name }, settings) {
    return new ParquetPart(await folder.create(`${name}.parquet`), settings);
  },
};

class ParquetPart implements PartWriter<TokenSample> {
  private readonly bytes = new ByteWriter();
  private readonly writer: ParquetWriter;
  private rows: TokenSample[] = [];
  private tokens = 0;

  constructor(
    private readonly file: PartialFile,
    private readonly settings: FormatSettings,
  ) {
    this.writer = new ParquetWriter({
      writer: this.bytes,
      schema: schemaOf(settings),
      statistics: false,
      createdBy: 'stowken',
    });
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
