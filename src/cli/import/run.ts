import { type ClientError, isClientError, isUnreachable, type StowkenClient } from '../../client/index.js';
import { printable } from '../../model/index.js';
import { WeightedSemaphore } from '../concurrency.js';
import type { Io } from '../io.js';
import { standardInput } from '../jsonl/read-lines.js';
import { BadLine } from './bad-line.js';
import { ChangingTokenizers, isForOthers } from './changed-text.js';
import { Conflicts } from './beside.js';
import type { ConflictWay } from './conflict.js';
import { KindsOfFile } from './kinds-of-file.js';
import { parseDocument, withoutStacks } from './parse.js';
import { RecordIds } from './record-ids.js';
import { RefusedLines } from './refused/refused-lines.js';
import {
  type Draft,
  isObject,
  type Json,
  OpenSession,
  type ReadOptions,
  sessionShapeOf,
  type Wrapped,
  wrappedIn,
} from './shapes/index.js';
import { NoData, readBatches, type SourceDocument, withOnly } from './sources/index.js';
import type { Progress, Tally } from './summary.js';
import { renderedDraft, type Rendering } from './rendering.js';
import { type RecordDefaults, type ToStore, storable, toStoreRequest } from './to-store.js';

export interface ImportOptions extends RecordDefaults, ReadOptions {
  /** Limit of concurrent stores. */
  readonly concurrency: number;
  readonly onConflict: ConflictWay;
  /** Undefined: messages are stored as they are said. */
  readonly rendering?: Rendering | undefined;
}

/**
 * Limit of a line: far above the size that a server accepts as one request, far below the size of a string.
 * A session has no more bytes than this either.
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

/** A conversation that was read, and where. */
interface Found {
  readonly where: string;
  readonly draft: Draft;
  readonly bytes: number;
}

/** Stores every conversation of every file. One that fails is reported, and the others continue. */
export class ImportRun {
  private readonly gate: WeightedSemaphore;
  private readonly underWay = new Set<Promise<void>>();
  /** Last store under way of each id: the next one of the same id waits for it. */
  private readonly lastOfId = new Map<string, Promise<void>>();
  private readonly refused = new RefusedLines();
  private readonly recordIds = new RecordIds();
  private kinds = this.newKinds();
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
    private readonly io: Io,
    /** Stops the import: stores under way are cancelled and counted as such. */
    private readonly signal: AbortSignal,
  ) {
    this.gate = new WeightedSemaphore(options.concurrency, underWayBytesMax);
  }

  /**
   * Resolves when everything that could be stored is stored. Files that are not among the names were found in
   * folders; those of them that hold nothing to import are left out.
   */
  async files(files: readonly string[], names: readonly string[] = files): Promise<void> {
    for (const file of files) {
      const name = file === standardInput ? '<stdin>' : printable(file);
      try {
        for await (const found of this.conversations(name, file, !names.includes(file))) {
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

  /** Yields the conversations of a file: one for each document, or one for the events of a session. */
  private async *conversations(
    name: string,
    file: string,
    wasFound: boolean,
  ): AsyncGenerator<Found, void, void> {
    this.kinds = this.newKinds();
    const onRead = (bytes: number) => this.progress.advance(bytes);
    const batches = readBatches(file, this.io, lineBytesMax, this.signal, onRead, wasFound);
    let session: { readonly open: OpenSession; readonly where: string; bytes: number } | undefined;
    for await (const { value: batch, isOnly } of withOnly(batches)) {
      for (const document of batch) {
        if (this.stopped) return;
        if (this.isRefusedAgain(document, session !== undefined || isOnly)) continue;
        const where = `${name}:${document.number}`;
        const bytes = document.bytes?.length ?? 0;
        const read = this.read(where, document, session?.open, isOnly);
        yield* this.kinds.takeRecords();
        if (read === undefined) continue;
        if (Array.isArray(read)) {
          const each = Math.ceil(bytes / read.length);
          for (const found of read) yield { ...found, bytes: each };
          continue;
        }
        if (read === 'added') {
          session!.bytes += bytes;
          if (session!.bytes <= lineBytesMax) continue;
        }
        if (session !== undefined)
          yield { where: session.where, draft: session.open.finish(), bytes: session.bytes };
        session = undefined;
        if (read instanceof OpenSession) session = { open: read, where, bytes };
        else if (read !== 'added') yield { where, draft: read, bytes };
      }
    }
    if (session !== undefined)
      yield { where: session.where, draft: session.open.finish(), bytes: session.bytes };
    for (const { where, error } of this.kinds.takeRefused()) this.fail(where, error);
  }

  /** A line that says something tells that others of its kind may be records: they are not refused unread. */
  private newKinds(): KindsOfFile {
    this.refused.forgetWithoutSentences();
    return new KindsOfFile(() => this.refused.forgetWithoutSentences());
  }

  /** Counts a line that is like one that was refused; false for any other. */
  private isRefusedAgain({ bytes }: SourceDocument, mayBeOther: boolean): boolean {
    const kind = this.refused.kindOf(bytes, mayBeOther);
    if (kind !== undefined) this.tally.failures.again(kind);
    return kind !== undefined;
  }

  /**
   * Reads a document: a conversation, an event of the session that is open ("added"), or the first event of
   * another one; the conversations in the list of a document that is alone in its file. Returns undefined for
   * a blank or a bad line.
   */
  private read(
    where: string,
    document: SourceDocument,
    open: OpenSession | undefined,
    isOnly: boolean,
  ): Draft | OpenSession | 'added' | Omit<Found, 'bytes'>[] | undefined {
    return withoutStacks(() => {
      try {
        if (document.bytes === undefined && document.value === undefined)
          throw new BadLine(`the line is longer than ${lineBytesMax} bytes`);
        const parsed = parseDocument(document);
        if (parsed === undefined) return undefined;
        const { value, json } = parsed;
        if (isObject(value)) {
          if (open?.add(value)) return 'added';
          const shape = sessionShapeOf(value, this.options);
          const begun = shape && new OpenSession(shape, this.options.zone);
          if (begun?.add(value)) return begun;
        }
        const wrapped = isOnly ? wrappedIn(value) : undefined;
        if (wrapped !== undefined) return [...this.readWrapped(where, wrapped)];
        return this.kinds.read(where, value, json, { ...this.options, alone: isOnly });
      } catch (error) {
        this.fail(where, error);
        this.refused.add(document.bytes, error);
        return undefined;
      }
    });
  }

  /** Reads the elements of a list. The rest of its document is kept with the first of them. */
  private *readWrapped(
    where: string,
    { key, elements, rest }: Wrapped,
  ): Generator<Omit<Found, 'bytes'>, void, void> {
    let wrapper: Json | undefined = rest;
    for (const [index, element] of elements.entries()) {
      const at = `${where}:${key}[${index}]`;
      try {
        const draft = this.kinds.read(at, element, JSON.stringify(element), this.options);
        if (draft === undefined) continue;
        yield { where: at, draft: wrapper === undefined ? draft : { ...draft, wrapper } };
        wrapper = undefined;
      } catch (error) {
        this.fail(at, error);
      }
    }
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
    } catch (error) {
      this.fail(where, error);
    }
  }

  private conflicts(client: StowkenClient): Conflicts {
    return (this.known ??= new Conflicts(client, () => this.rules));
  }

  /** Rules by which conversations are stored. */
  private get rules() {
    return { ...this.options, changing: this.changing };
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
