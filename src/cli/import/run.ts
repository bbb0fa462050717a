import { type ClientError, isClientError, isUnreachable, type StowkenClient } from '../../client/index.js';
import type { Io } from '../io.js';
import { printable } from '../../model/index.js';
import { WeightedSemaphore } from '../concurrency.js';
import { type Line, readSource, splitLines, standardInput } from '../jsonl/read-lines.js';
import { BadLine, parseRecord } from '../jsonl/record.js';
import { type RecordDefaults, type ToStore, toStoreRequest } from '../jsonl/to-store.js';
import type { Progress, Tally } from './summary.js';

export interface ImportOptions extends RecordDefaults {
  /** Limit of concurrent stores. */
  readonly concurrency: number;
  readonly ignoreUnknown: boolean;
}

/**
 * Limit of a line: far above the size that a server accepts as one request, far below the size of a string.
 */
const lineBytesMax = 256 * 1024 * 1024;
/** Limit of the bytes of all lines under way; a longer line is stored alone. */
const underWayBytesMax = 32 * 1024 * 1024;

/**
 * Size above which a line is uploaded in parts; also done for more messages than one request may have. A
 * server accepts 64 MiB and 100,000 messages as one request.
 */
const storeBytesMax = 16 * 1024 * 1024;
const storeMessagesMax = 50_000;

/** Stores every line of every file. A line that fails is reported and counted, and the others continue. */
export class ImportRun {
  private readonly gate: WeightedSemaphore;
  private readonly underWay = new Set<Promise<void>>();
  private unavailable: ClientError | undefined;

  constructor(
    private readonly client: StowkenClient,
    private readonly options: ImportOptions,
    private readonly tally: Tally,
    private readonly progress: Progress,
    private readonly io: Io,
    /** Stops the import: stores under way are cancelled and counted as such. */
    private readonly signal: AbortSignal,
  ) {
    this.gate = new WeightedSemaphore(options.concurrency, underWayBytesMax);
  }

  /** Resolves when everything that could be stored is stored. */
  async files(files: readonly string[]): Promise<void> {
    for (const file of files) {
      const name = file === standardInput ? '<stdin>' : printable(file);
      try {
        await this.lines(name, splitLines(this.source(file), lineBytesMax));
      } catch (error) {
        if (!this.signal.aborted) this.fail(name, error, file);
      }
      if (this.stopped) break;
    }
    await Promise.all(this.underWay);
    if (this.unavailable !== undefined)
      this.progress.note(`stopped: ${whyStopped(this.unavailable)}; what follows was not tried`);
  }

  private get stopped(): boolean {
    return this.unavailable !== undefined || this.signal.aborted;
  }

  private source(file: string): AsyncIterable<Buffer> {
    return readSource(file, this.io, this.signal, (bytes) => this.progress.advance(bytes));
  }

  private async lines(name: string, lines: AsyncIterable<Line>): Promise<void> {
    for await (const line of lines) {
      if (this.stopped) return;
      const toStore = this.read(name, line);
      if (toStore === undefined) continue;
      const weight = line.bytes!.length;
      await this.gate.enter(weight);
      if (this.stopped) return;
      const job = this.store(toStore, weight)
        .catch((error: unknown) => this.fail(`${name}:${line.number}`, error))
        .finally(() => {
          this.gate.leave(weight);
          this.underWay.delete(job);
        });
      this.underWay.add(job);
    }
  }

  /** Returns undefined for a blank or a bad line. */
  private read(name: string, { number, bytes }: Line): ToStore | undefined {
    try {
      if (bytes === undefined) throw new BadLine(`the line is longer than ${lineBytesMax} bytes`);
      const record = parseRecord(bytes, this.options.ignoreUnknown);
      if (!(record instanceof BadLine)) return record && toStoreRequest(record, this.options);
      this.fail(`${name}:${number}`, record);
    } catch (error) {
      this.fail(`${name}:${number}`, error);
    }
    return undefined;
  }

  private async store({ request, assumesTokenizer }: ToStore, bytes: number): Promise<void> {
    const isLong = bytes > storeBytesMax || request.messages.length > storeMessagesMax;
    this.tally.add(await (isLong ? this.client.upload(request) : this.client.store(request)));
    if (assumesTokenizer) this.tally.assumed.add(request.conversation?.model ?? '');
  }

  private fail(where: string, error: unknown, file?: string): void {
    if (this.signal.aborted && isClientError(error, 'CANCELLED')) {
      this.tally.cancelled++;
      return;
    }
    if (isUnreachable(error)) this.unavailable ??= error;
    this.tally.failures.add(where, error, file);
  }
}

/** Describes why a server does not take the next lines either. */
function whyStopped({ reason }: ClientError): string {
  if (reason === undefined) return 'no server answers';
  if (reason === 'WRITES_STOPPED' || reason === 'COMMIT_FAILED')
    return 'the server cannot write any more (a full disk, or one that fails; its log has the cause)';
  return 'the server is busy or going away';
}
