import type { StowkenClient } from '../../client/index.js';
import { isUnreachable } from '../../client/index.js';
import { type Conversation, printable, shellWord } from '../../model/index.js';
import { mapOrdered } from '../concurrency.js';
import type { Context } from '../context.js';
import { describeError } from '../errors.js';
import { SeenContents } from './duplicates.js';
import { ExportFolder } from './folder.js';
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
}

export interface ExportSummary {
  readonly conversations: number;
  readonly tokens: number;
  readonly duplicates: number;
  readonly empty: number;
  readonly unfit: number;
  readonly failed: number;
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
}

/** Tokens that all parts together keep until they are written. */
const batchTokens = 8 * 2 ** 20;
const aheadTokensMax = 4_000_000;

/** Writes conversations to the files of a folder. Nothing of an export that fails stays. */
export async function exportTo(
  input: ExportInput,
  client: StowkenClient,
  listed: AsyncIterable<Conversation>,
  context: Pick<Context, 'io' | 'interruption'>,
): Promise<ExportSummary> {
  const { format, partition } = input;
  const parts = partition.splits.length * partition.shards;
  const folder = await ExportFolder.open(input.out, input.force, parts * format.filesOfPart);
  const settings: FormatSettings = {
    lossRoles: input.lossRoles,
    seen: input.dedupe ? new SeenContents() : undefined,
    turns: input.turns,
    batchTokensMax: Math.max(2 ** 15, Math.min(2 ** 20, Math.floor(batchTokens / parts))),
  };
  try {
    if (format.reads === 'tokens') {
      const samples = tokenSamples(client, listed);
      const isNew = (sample: TokenSample) => isNewContent(sample, settings);
      return await write(input, format, folder, settings, samples, isNew, context);
    }
    const ahead = {
      countMax: input.concurrency,
      weightMax: aheadTokensMax,
      weigh: ({ totalTokens }: Conversation) => totalTokens,
    };
    const samples = mapOrdered(listed, ahead, (found) => textSample(client, found));
    return await write(input, format, folder, settings, samples, () => true, context);
  } catch (error) {
    await folder.discard();
    throw error;
  }
}

async function write<Sample extends { readonly conversation: Conversation }>(
  input: ExportInput,
  format: Format<Sample>,
  folder: ExportFolder,
  settings: FormatSettings,
  samples: AsyncIterable<Sampled<Sample>>,
  isNew: (sample: Sample) => boolean,
  { io, interruption }: Pick<Context, 'io' | 'interruption'>,
): Promise<ExportSummary> {
  const { partition, formatName } = input;
  const counts = { conversations: 0, tokens: 0, duplicates: 0, empty: 0, unfit: 0, failed: 0 };
  const tokenizers = new Set<string>();
  const parts = new Map<string, PartWriter<Sample>>();
  for (const place of places(partition)) {
    const name = partName(place, partition);
    parts.set(name, await format.begin(folder, { name, ...place, shards: partition.shards }, settings));
  }
  interruption.onInterrupt(() => `nothing written to ${input.out}`);
  for await (const sampled of samples) {
    interruption.signal.throwIfAborted();
    if (sampled.kind === 'deleted') continue; // It is as if it had been deleted before the export.
    if (sampled.kind === 'empty') counts.empty++;
    else if (sampled.kind === 'failed') {
      if (isUnreachable(sampled.error)) throw sampled.error;
      counts.failed++;
      io.stderr.write(`${shellWord(sampled.id)}: ${printable(describeError(sampled.error))}\n`);
    } else if (!isNew(sampled.sample)) counts.duplicates++;
    else {
      const { conversation } = sampled.sample;
      const part = parts.get(partName(placeOf(conversation.id, partition), partition))!;
      if (!(await part.add(sampled.sample))) counts.unfit++;
      else {
        counts.conversations++;
        counts.tokens += conversation.totalTokens;
        tokenizers.add(conversation.tokenizer);
      }
    }
  }
  for (const part of parts.values()) await part.finish();
  await format.complete?.(folder);
  if (format.reads === 'tokens' && tokenizers.size > 1) {
    io.stderr.write(`ids of ${tokenizers.size} tokenizers are mixed; --tokenizer NAME exports one\n`);
  }
  const files = await folder.finish({
    format: formatName,
    order: 'create_time',
    tokenizers: [...tokenizers].sort(),
    splits: partition.splits,
    shards: partition.shards,
    ...(settings.lossRoles && { loss_roles: [...settings.lossRoles].sort() }),
    ...counts,
  });
  return { ...counts, files };
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
