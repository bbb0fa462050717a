import { type ClientError, isClientError, isUnreachable, type StowkenClient } from '../../client/index.js';
import { printable } from '../../model/index.js';
import { WeightedSemaphore } from '../concurrency.js';
import type { Io } from '../io.js';
import { standardInput } from '../jsonl/read-lines.js';
import { BadLine } from './bad-line.js';
import { type Found, FoundConversations } from './found.js';
import { ChangingTokenizers, isForOthers } from './changed-text.js';
import { Conflicts } from './beside.js';
import type { ConflictWay } from './conflict.js';
import { RecordIds } from './record-ids.js';
import { NewIds } from './new-ids.js';
import type { Draft, ReadOptions } from './shapes/index.js';
import { NoData } from './sources/index.js';
import type { Progress, Tally } from './summary.js';
import { renderedDraft, type Rendering } from './rendering.js';
import { type RecordDefaults, type ToStore, storable, toStoreRequest } from './to-store.js';

export interface ImportOptions extends Omit<RecordDefaults, 'newId'>, ReadOptions {
  /** Limit of concurrent stores. */
  readonly concurrency: number;
  readonly onConflict: ConflictWay;
  /** Undefined: messages are stored as they are said. */
  readonly rendering?: Rendering | undefined;
}

/** Limit of the bytes of all lines under way; a longer line is stored alone. */
const underWayBytesMax = 32 * 1024 * 1024;

/**
 * Size above which a line is uploaded in parts; also done for more messages than one request may have. A
 * server accepts 64 MiB and 100,000 messages as one request.
 */
const storeBytesMax = 16 * 1024 * 1024;
const storeMessagesMax = 50_000;

/** Stores every conversation of every file. One that fails is reported, and the others continue. */
export class ImportRun {
  private readonly gate: WeightedSemaphore;
  private readonly underWay = new Set<Promise<void>>();
  /** Last store under way of each id: the next one of the same id waits for it. */
  private readonly lastOfId = new Map<string, Promise<void>>();
  private readonly recordIds = new RecordIds();
  private readonly newIds = new NewIds();
  private rules: ReturnType<ImportRun['rulesNow']>;
  private readonly reader: FoundConversations;
  private known: Conflicts | undefined;
  /** Undefined until a text is for a tokenizer that does not come with the program. */
  private changing: ChangingTokenizers | undefined;
  private unavailable: ClientError | undefined;

  constructor(
    /** Undefined: nothing is stored, and everything is read and counted. */
    private readonly client: StowkenClient | undefined,
    private readonly options: ImportOptions,
    private readonly tally: Tally,
    private readonly progress: Progress,
    io: Io,
    /** Stops the import: stores under way are cancelled and counted as such. */
    private readonly signal: AbortSignal,
  ) {
    this.rules = this.rulesNow();
    this.gate = new WeightedSemaphore(options.concurrency, underWayBytesMax);
    this.reader = new FoundConversations(options, io, signal, {
      onRead: (bytes) => progress.advance(bytes),
      refuse: (where, error) => this.fail(where, error),
      refuseAgain: (kind) => tally.failures.again(kind),
      warn: (where, text) => {
        tally.warnings.push(`${where}: ${text}`);
        progress.note(tally.warnings.at(-1)!);
      },
    });
  }

  /**
   * Resolves when everything that could be stored is stored. Files that are not among the names were found in
   * folders; those of them that hold nothing to import are left out.
   */
  async files(files: readonly string[], names: readonly string[] = files): Promise<void> {
    for (const file of files) {
      const name = file === standardInput ? '<stdin>' : printable(file);
      try {
        for await (const found of this.reader.of(name, file, !names.includes(file))) {
          if (this.stopped) break;
          await this.begin(found);
        }
      } catch (error) {
        if (error instanceof NoData) this.tally.leftOut.push(file);
        else if (!this.signal.aborted) this.fail(name, error, file);
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

  private async begin({ where, draft: read, bytes }: Found): Promise<void> {
    let ready = this.toStore(where, this.recordIds.withId(read), bytes);
    if (ready === undefined) return;
    this.tally.found(ready.draft);
    if (this.client === undefined) return;
    if (this.changing === undefined && isForOthers(ready.toStore.request)) {
      await this.learnTokenizers(this.client, where);
      ready = this.toStore(where, ready.draft, bytes);
      if (ready === undefined || this.changing === undefined) return;
    }
    const { draft, toStore } = ready;
    await this.gate.enter(bytes);
    if (this.stopped) return;
    const id = toStore.request.conversation?.id ?? '';
    const wasMet = this.conflicts(this.client).meet(id);
    const before = this.lastOfId.get(id) ?? Promise.resolve();
    const job = before
      .then(() => this.store(toStore, draft, bytes, wasMet))
      .catch((error: unknown) => this.fail(where, error))
      .finally(() => {
        this.gate.leave(bytes);
        this.underWay.delete(job);
        if (this.lastOfId.get(id) === job) this.lastOfId.delete(id);
      });
    this.underWay.add(job);
    this.lastOfId.set(id, job);
  }

  private async learnTokenizers(client: StowkenClient, where: string): Promise<void> {
    try {
      const { tokenizerInfos } = await client.capabilities({ signal: this.signal });
      this.changing = new ChangingTokenizers(tokenizerInfos);
      this.rules = this.rulesNow();
    } catch (error) {
      this.fail(where, error);
    }
  }

  private conflicts(client: StowkenClient): Conflicts {
    return (this.known ??= new Conflicts(client, () => this.rules));
  }

  /** Returns the rules by which conversations are stored. */
  private rulesNow() {
    return { ...this.options, changing: this.changing, newId: this.newIds.next };
  }

  private toStore(
    where: string,
    read: Draft,
    bytes: number,
  ): { readonly draft: Draft; readonly toStore: ToStore } | undefined {
    try {
      // Rows of Parquet have no size.
      const draft = storable(read, bytes === 0 ? Infinity : bytes);
      return { draft, toStore: toStoreRequest(draft, this.rules) };
    } catch (error) {
      this.fail(where, error);
      return undefined;
    }
  }

  private async store(toStore: ToStore, said: Draft, bytes: number, wasMet: boolean): Promise<void> {
    const { client, rules } = this;
    if (client === undefined) return;
    const { rendering } = rules;
    const seen = rendering && (await renderedDraft(client, said, toStore, rendering));
    const draft = seen ?? said;
    const { request } = seen ? toStoreRequest(seen, rules) : toStore;
    const isLong = bytes > storeBytesMax || request.messages.length > storeMessagesMax;
    try {
      this.tally.add(await (isLong ? client.upload(request) : client.store(request)));
    } catch (error) {
      if (!isClientError(error, 'CONVERSATION_EXISTS')) throw error;
      this.tally.settled(await this.conflicts(client).settle(request, draft, wasMet));
    }
    if (toStore.assumesTokenizer) this.tally.assumed.add(request.conversation?.model ?? '');
  }

  private fail(where: string, error: unknown, file?: string): void {
    if (this.signal.aborted && isClientError(error, 'CANCELLED')) {
      this.tally.cancelled++;
      return;
    }
    if (isUnreachable(error)) this.unavailable ??= error;
    const isTooDeep = error instanceof RangeError && error.message.includes('call stack');
    const told = isTooDeep ? new BadLine('its lists and objects are nested too deeply') : error;
    this.tally.failures.add(where, told, file);
  }
}

/** Describes why a server does not take the next lines either. */
function whyStopped({ reason }: ClientError): string {
  if (reason === undefined) return 'no server answers';
  if (reason === 'WRITES_STOPPED' || reason === 'COMMIT_FAILED')
    return 'the server cannot write any more (a full disk, or one that fails; its log has the cause)';
  return 'the server is busy or going away';
}
