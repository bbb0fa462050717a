import type { PartialFile } from '../partial-file.js';
import {
  type ArrowColumn,
  type ArrowNode,
  batchMessage,
  endOfStream,
  padding,
  schemaMessage,
} from './arrow-messages.js';
import {
  type Format,
  type FormatSettings,
  int32Max,
  littleEndian,
  lossMask,
  type PartWriter,
  type TokenSample,
} from './format.js';

/** Rows of a batch at most: the size that Hugging Face datasets writes. */
const rowsMax = 1000;

/**
 * IPC streams of Apache Arrow, which Hugging Face datasets maps into memory as they are: id, application,
 * model, tokenizer (utf8), input_ids (list<int32>), roles (list<utf8>) and message_tokens (list<int32>), and
 * loss_mask (list<uint8>) with a mask.
 */
export const arrow: Format<TokenSample> = {
  reads: 'tokens',
  leavesOut: 'conversations without tokens, or with ids of 2147483648 and more',
  filesOfPart: 1,
  async begin(folder, { name, former }, settings) {
    const file = await folder.create(`${name}.arrow`);
    if (former === undefined) await file.write(schemaMessage(columnsOf(settings)));
    return new ArrowPart(file, settings, former as TokenSample[] | undefined);
  },
};

function columnsOf({ lossRoles }: FormatSettings): readonly ArrowColumn[] {
  const labels = ['id', 'application', 'model', 'tokenizer'].map((name) => ({ name, type: 'utf8' as const }));
  return [
    ...labels,
    { name: 'input_ids', type: 'list<int32>' },
    { name: 'roles', type: 'list<utf8>' },
    { name: 'message_tokens', type: 'list<int32>' },
    ...(lossRoles ? [{ name: 'loss_mask', type: 'list<uint8>' as const }] : []),
  ];
}

class ArrowPart implements PartWriter<TokenSample> {
  private tokens: number;

  constructor(
    private readonly file: PartialFile,
    private readonly settings: FormatSettings,
    /** Rows of the batch under way. */
    private rows: TokenSample[] = [],
  ) {
    this.tokens = rows.reduce((sum, { tokens }) => sum + tokens.length, 0);
  }

  async add(sample: TokenSample): Promise<boolean> {
    if (sample.tokenMax > int32Max) return false;
    const { length } = sample.tokens;
    if (this.rows.length > 0 && this.tokens + length > this.settings.batchTokensMax) await this.writeBatch();
    this.rows.push(sample);
    this.tokens += length;
    if (this.rows.length === rowsMax) await this.writeBatch();
    return true;
  }

  state(): readonly TokenSample[] {
    return this.rows;
  }

  async finish(): Promise<void> {
    if (this.rows.length > 0) await this.writeBatch();
    await this.file.write(endOfStream);
  }

  private async writeBatch(): Promise<void> {
    const { rows } = this;
    const { lossRoles } = this.settings;
    const body = new BatchBody();
    for (const field of ['id', 'application', 'model', 'tokenizer'] as const) {
      body.texts(rows.map(({ conversation }) => conversation[field]));
    }
    body.lists(rows.map(({ tokens }) => tokens.length));
    body.values(
      rows.map(({ tokens }) => littleEndian(tokens)),
      4,
    );
    const messages = rows.flatMap((row) => row.messages);
    body.lists(rows.map((row) => row.messages.length));
    body.texts(messages.map(({ role }) => role));
    body.lists(rows.map((row) => row.messages.length));
    body.values([littleEndian(Int32Array.from(messages, ({ tokenCount }) => tokenCount))], 4);
    if (lossRoles) {
      body.lists(rows.map(({ tokens }) => tokens.length));
      body.values(
        rows.map((row) => lossMask(row, lossRoles)),
        1,
      );
    }
    await this.file.write(batchMessage(rows.length, body.nodes, body.buffers.map(bytesOf)));
    for (const buffer of body.buffers) {
      for (const piece of buffer) await this.file.write(piece);
      await this.file.write(zeros.subarray(0, padding(bytesOf(buffer))));
    }
    this.rows = [];
    this.tokens = 0;
  }
}

const zeros = new Uint8Array(8);
const bytesOf = (buffer: readonly Uint8Array[]) => buffer.reduce((sum, { length }) => sum + length, 0);

/** Nodes and buffers of a batch. No value is null, so that every map of validity is empty. */
class BatchBody {
  readonly nodes: ArrowNode[] = [];
  /** Each buffer in pieces. */
  readonly buffers: (readonly Uint8Array[])[] = [];

  /** Adds texts: offsets, bytes. */
  texts(values: readonly string[]): void {
    const bytes = values.map((value) => Buffer.from(value));
    this.lists(bytes.map(({ length }) => length));
    this.buffers.push(bytes);
  }

  /** Adds the lengths of lists; their values follow. */
  lists(lengths: readonly number[]): void {
    const offsets = new Int32Array(lengths.length + 1);
    lengths.forEach((length, index) => (offsets[index + 1] = offsets[index]! + length));
    this.nodes.push({ length: lengths.length });
    this.buffers.push([], [littleEndian(offsets)]);
  }

  /** Adds numbers, in pieces. */
  values(pieces: readonly Uint8Array[], itemBytes: number): void {
    this.nodes.push({ length: bytesOf(pieces) / itemBytes });
    this.buffers.push([], pieces);
  }
}
