import { Readable } from 'node:stream';
import type { StowkenClient } from '../../client/index.js';
import { isClientError, isUnreachable } from '../../client/index.js';
import { type Conversation, printable, shellWord } from '../../model/index.js';
import { mapOrdered, readAhead } from '../concurrency.js';
import { type Context, UsageError } from '../context.js';
import { describeError } from '../errors.js';
import { plural } from '../format.js';
import { SeenContents, type SeenState } from './duplicates.js';
import { ExportFolder, type NamedFile } from './folder.js';
import type { AnyFormat, Format, FormatSettings, PartWriter, TokenSample } from './formats/format.js';
import { littleEndian, lossMask } from './formats/format.js';
import { partName, type Partition, type Place, placeOf } from './partition.js';
import { type Sampled, textSample, tokenSamples } from './samples.js';

export interface ExportInput {
  readonly out: string;
  readonly force: boolean;
  readonly formatName: string;
  readonly format: AnyFormat;
  readonly partition: Partition;
  readonly lossRoles: ReadonlySet<string> | undefined;
  readonly dedupe: boolean;
  readonly turns: 'every' | 'last';
  /** Conversations that are read ahead as text. */
  readonly concurrency: number;
  /** All that decides about the files, as a text; see Checkpoint. */
  readonly choices: string;
  /** Minimum interval between two checkpoints. */
  readonly checkpointMs: number;
}

export interface ExportSummary {
  readonly conversations: number;
  readonly tokens: number;
  readonly duplicates: number;
  readonly empty: number;
  readonly unfit: number;
  readonly failed: number;
  readonly files: readonly NamedFile[];
}

/** Conversations that were listed together. */
export interface ListedPage {
  readonly conversations: readonly Conversation[];
  /** Conversations of the page that could not be listed, and were reported. */
  readonly damaged: number;
  /** Conversations of the page that were left out as near-duplicates; absent: none. */
  readonly duplicates?: number;
  /** Token of the next page; empty after the last. */
  readonly next: string;
}

/** Lists the conversations from a page on; '' stands for the first. */
export type Listing = (pageToken: string) => AsyncIterable<ListedPage>;

/** Tokens that all parts together keep until they are written. */
const batchTokens = 8 * 2 ** 20;
/** Tokens that are read ahead of what is written. */
const aheadTokensMax = 4_000_000;
/** Checkpoints take at most this part of the time. */
const checkpointShare = 1 / 20;

/** State of an export beside its files: plain data, see PartWriter.state. */
interface Progress {
  readonly pageToken: string;
  readonly counts: Counts;
  readonly damaged: number;
  readonly tokenizers: readonly string[];
  readonly seen: SeenState | undefined;
  readonly parts: ReadonlyMap<string, unknown>;
}

type Counts = Record<Exclude<keyof ExportSummary, 'files'>, number>;

const noCounts: Counts = { conversations: 0, tokens: 0, duplicates: 0, empty: 0, unfit: 0, failed: 0 };

export interface Exported {
  readonly summary: ExportSummary;
  /** Conversations that were not listed, because they are damaged. */
  readonly damaged: number;
}

/**
 * Writes conversations to the files of a folder. An export that is interrupted goes on there when it is
 * called again with the same input.
 */
export async function exportTo(
  input: ExportInput,
  client: StowkenClient,
  list: Listing,
  context: Pick<Context, 'io' | 'interruption'>,
): Promise<Exported> {
  const { format, partition } = input;
  const parts = partition.splits.length * partition.shards;
  const folder = await ExportFolder.open({
    path: input.out,
    force: input.force,
    filesExpected: parts * format.filesOfPart,
    choices: input.choices,
  });
  if (folder.former?.naming) return finishedBefore(folder);
  const progress = folder.former?.progress as Progress | undefined;
  if (progress) {
    const { conversations } = progress.counts;
    context.io.stderr.write(`going on behind ${plural(conversations, 'conversation')} in ${input.out}\n`);
  }
  const settings: FormatSettings = {
    lossRoles: input.lossRoles,
    seen: input.dedupe ? new SeenContents(progress?.seen) : undefined,
    turns: input.turns,
    batchTokensMax: Math.max(2 ** 15, Math.min(2 ** 20, Math.floor(batchTokens / parts))),
  };
  try {
    if (format.reads === 'tokens') {
      const ahead = {
        weightMax: aheadTokensMax,
        weigh: (found: Sampled<TokenSample>) => (found.kind === 'sample' ? found.sample.tokens.length : 0),
      };
      const read = (page: readonly Conversation[]) => readAhead(tokenSamples(client, page), ahead);
      const isNew = (sample: TokenSample) => isNewContent(sample, settings);
      return await new Run(input, format, folder, settings, { read, isNew }, context).write(list, progress);
    }
    const ahead = {
      countMax: input.concurrency,
      weightMax: aheadTokensMax,
      weigh: ({ totalTokens }: Conversation) => totalTokens,
    };
    const read = (page: readonly Conversation[]) =>
      mapOrdered(Readable.from(page), ahead, (found) => textSample(client, found));
    const samples = { read, isNew: () => true };
    return await new Run(input, format, folder, settings, samples, context).write(list, progress);
  } catch (error) {
    await folder.discard();
    if (progress && isClientError(error, 'INVALID_PAGE_TOKEN'))
      throw new UsageError(
        `${input.out} has an export of another vault that was interrupted; --force begins again`,
      );
    if (folder.canGoOn && !context.interruption.signal.aborted)
      context.io.stderr.write(`the same command goes on with what is in ${input.out}\n`);
    throw error;
  }
}

/** Gives the files of an export their names, if that is all that was left to do. */
async function finishedBefore(folder: ExportFolder): Promise<Exported> {
  const { manifest, damaged, files } = await folder.finishFormer();
  const counts = Object.fromEntries(
    Object.keys(noCounts).map((name) => [name, (manifest as Record<string, number>)[name] ?? 0]),
  ) as Counts;
  return { summary: { ...counts, files }, damaged };
}

interface Samples<Sample> {
  /** Reads the conversations of a page, each once, in any order that is always the same. */
  readonly read: (page: readonly Conversation[]) => AsyncIterable<Sampled<Sample>>;
  readonly isNew: (sample: Sample) => boolean;
}

/** An export that is under way. */
class Run<Sample extends { readonly conversation: Conversation }> {
  private counts: Counts = { ...noCounts };
  private damaged = 0;
  private readonly tokenizers = new Set<string>();
  private readonly parts = new Map<string, PartWriter<Sample>>();
  private nextCheckpointMs: number;

  constructor(
    private readonly input: ExportInput,
    private readonly format: Format<Sample>,
    private readonly folder: ExportFolder,
    private readonly settings: FormatSettings,
    private readonly samples: Samples<Sample>,
    private readonly context: Pick<Context, 'io' | 'interruption'>,
  ) {
    this.nextCheckpointMs = performance.now() + input.checkpointMs;
  }

  async write(list: Listing, progress: Progress | undefined): Promise<Exported> {
    const { folder, input } = this;
    const { partition, out } = input;
    const { interruption } = this.context;
    if (progress) {
      this.counts = { ...progress.counts };
      this.damaged = progress.damaged;
      for (const tokenizer of progress.tokenizers) this.tokenizers.add(tokenizer);
    }
    for (const place of places(partition)) {
      const name = partName(place, partition);
      const part = { name, ...place, shards: partition.shards, former: progress?.parts.get(name) };
      this.parts.set(name, await this.format.begin(folder, part, this.settings));
    }
    interruption.onInterrupt(() =>
      folder.canGoOn ? `the same command goes on with what is in ${out}` : `nothing written to ${out}`,
    );
    for await (const page of list(progress?.pageToken ?? '')) {
      for await (const sampled of this.samples.read(page.conversations)) {
        interruption.signal.throwIfAborted();
        await this.add(sampled);
      }
      this.damaged += page.damaged;
      this.counts.duplicates += page.duplicates ?? 0;
      if (page.next !== '') await this.checkpoint(page.next);
    }
    return { summary: await this.finish(), damaged: this.damaged };
  }

  private async add(sampled: Sampled<Sample>): Promise<void> {
    const { counts } = this;
    if (sampled.kind === 'deleted') return; // It is as if it had been deleted before the export.
    if (sampled.kind === 'empty') counts.empty++;
    else if (sampled.kind === 'failed') {
      if (isUnreachable(sampled.error)) throw sampled.error;
      counts.failed++;
      this.context.io.stderr.write(`${shellWord(sampled.id)}: ${printable(describeError(sampled.error))}\n`);
    } else if (!this.samples.isNew(sampled.sample)) counts.duplicates++;
    else {
      const { conversation } = sampled.sample;
      const { partition } = this.input;
      const part = this.parts.get(partName(placeOf(conversation.id, partition), partition))!;
      if (!(await part.add(sampled.sample))) counts.unfit++;
      else {
        counts.conversations++;
        counts.tokens += conversation.totalTokens;
        this.tokenizers.add(conversation.tokenizer);
      }
    }
  }

  /** Notes that everything before a page is done, if the last checkpoint was long enough ago. */
  private async checkpoint(pageToken: string): Promise<void> {
    const begunMs = performance.now();
    if (begunMs < this.nextCheckpointMs) return;
    const progress: Progress = {
      pageToken,
      counts: this.counts,
      damaged: this.damaged,
      tokenizers: [...this.tokenizers],
      seen: this.settings.seen?.state(),
      parts: new Map([...this.parts].map(([name, part]) => [name, part.state()])),
    };
    await this.folder.checkpoint(progress);
    const endedMs = performance.now();
    const pauseMs = Math.max(this.input.checkpointMs, (endedMs - begunMs) / checkpointShare);
    this.nextCheckpointMs = endedMs + pauseMs;
  }

  private async finish(): Promise<ExportSummary> {
    const { input, format, folder, counts, tokenizers, settings } = this;
    for (const part of this.parts.values()) await part.finish();
    await format.complete?.(folder);
    if (format.reads === 'tokens' && tokenizers.size > 1) {
      this.context.io.stderr.write(
        `ids of ${tokenizers.size} tokenizers are mixed; --tokenizer NAME exports one\n`,
      );
    }
    const manifest = {
      format: input.formatName,
      order: 'create_time',
      tokenizers: [...tokenizers].sort(),
      splits: input.partition.splits,
      shards: input.partition.shards,
      ...(settings.lossRoles && { loss_roles: [...settings.lossRoles].sort() }),
      ...counts,
    };
    const files = await folder.finish(manifest, this.damaged);
    return { ...counts, files };
  }
}

function* places({ splits, shards }: Partition): Generator<Place, void, void> {
  for (const { name: split } of splits) {
    for (let shard = 0; shard < shards; shard++) yield { split, shard };
  }
}

/** Two samples of tokens are equal if their ids are, and their masks. */
function isNewContent(sample: TokenSample, { seen, lossRoles }: FormatSettings): boolean {
  if (seen === undefined) return true;
  const mask = lossRoles ? lossMask(sample, lossRoles) : new Uint8Array(0);
  return seen.add(littleEndian(sample.tokens), mask);
}
