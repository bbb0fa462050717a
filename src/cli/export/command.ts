import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ConversationFilter, ConversationPage, StowkenClient } from '../../client/index.js';
import { type ServerOption, withClient } from '../connection/index.js';
import { limits } from '../../model/index.js';
import { type Context, UsageError } from '../context.js';
import { part } from '../commands/similar.js';
import { DamageReport } from '../damage-report.js';
import { formatBytes, plural } from '../format.js';
import { filled, type FilterOptions, toFilter, wholeNumber } from '../options.js';
import { type FormatName, formatNames, loadFormat } from './formats/index.js';
import { withoutNearDuplicates } from './near-duplicates.js';
import type { Split } from './partition.js';
import { type ExportSummary, exportTo, type ListedPage } from './run.js';

export interface FileOptions {
  readonly format?: 'jsonl' | 'same' | FormatName;
  readonly out?: string;
  readonly shards?: number;
  readonly split?: readonly Split[];
  readonly lossRoles?: ReadonlySet<string>;
  readonly dedupe?: true;
  readonly dedupeNear?: number;
  readonly turns?: 'every' | 'last';
  readonly force?: true;
  readonly json?: true;
}

const pageSize = 1000;
/** Minimum interval between two checkpoints. */
const checkpointMs = 5000;
const shardsMax = 256;
const splitsMax = 8;
const nearMin = limits.duplicatesPercentMin / 100;

/** Adds the options of exports to files. */
export function withFiles(command: Command): Command {
  const format = new Option(
    '--format <name>',
    'format of the files; or jsonl, or same as it was imported, for standard output',
  );
  const turns = new Option(
    '--turns <which>',
    'answers of a conversation that become pairs; every without it',
  );
  return command
    .addOption(format.choices(['jsonl', 'same', ...formatNames]))
    .option('--out <folder>', 'folder for the files, empty or made here', filled)
    .option('--shards <n>', 'files that a split is cut into, by a hash of the ids', wholeNumber(1, shardsMax))
    .option('--split <name=share,...>', 'splits by a hash of the ids: train=0.9,validation=0.1', splitShares)
    .option('--loss-roles <role,...>', 'roles whose tokens are learned: adds a mask', roles)
    .option('--dedupe', 'only the first of samples with equal content')
    .option(
      '--dedupe-near <part>',
      `no conversations so similar to an older one that is selected: ${nearMin} to 1; see stowken duplicates`,
      part(nearMin),
    )
    .addOption(turns.choices(['every', 'last']))
    .option('--force', 'replace a former export in the folder')
    .option('--json', 'summary of the files as JSON');
}

/** @throws UsageError for options that do not go together */
export function wantsFiles(options: FileOptions & { readonly tokens?: true }): boolean {
  const { format = 'jsonl', out } = options;
  if (format === 'same' && options.tokens) throw new UsageError('--tokens is for jsonl: same is as it was');
  if (format !== 'jsonl' && format !== 'same') {
    if (out === undefined) throw new UsageError(`--format ${format} needs --out FOLDER`);
    if (options.tokens) throw new UsageError('--tokens is for JSON lines: a format has its own form');
    if (options.turns !== undefined && format !== 'pairs')
      throw new UsageError('--turns is for --format pairs');
    return true;
  }
  const names = [
    ...(['out', 'shards', 'split', 'lossRoles', 'dedupe', 'dedupeNear', 'turns', 'force', 'json'] as const),
  ];
  const given = names.find((name) => options[name] !== undefined);
  if (given === undefined) return false;
  const flag = given.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw new UsageError(`--${flag} needs a --format of files: ${formatNames.join(', ')}`);
}

/** Resolves to the number of conversations that could not be written. */
export async function exportFiles(
  options: FileOptions & FilterOptions & ServerOption & { readonly concurrency: number },
  context: Context,
): Promise<number> {
  const formatName = options.format as FormatName;
  const partition = { splits: options.split ?? [{ name: 'data', share: 1 }], shards: options.shards ?? 1 };
  const { lossRoles, dedupe = false, dedupeNear: near, turns = 'every' } = options;
  const filter = toFilter(options);
  const roles = lossRoles && [...lossRoles].sort();
  const { io } = context;
  const damage = new DamageReport(io.stderr);
  const { summary, damaged } = await withClient(options, context, async (client) => {
    const input = {
      out: options.out!,
      force: options.force === true,
      formatName,
      format: await loadFormat(formatName),
      partition,
      lossRoles,
      dedupe,
      turns,
      concurrency: options.concurrency,
      choices: JSON.stringify({
        vault: options.vault,
        formatName,
        partition,
        roles,
        dedupe,
        near,
        turns,
        filter,
      }),
      checkpointMs,
    };
    const all = (pageToken: string) => listPages(client, filter, pageToken, damage);
    const list =
      near === undefined
        ? all
        : await withoutNearDuplicates(all, client, { filter, threshold: near }, context);
    return exportTo(input, client, list, context);
  });
  const { output } = context;
  if (options.json) await output.json(summary);
  else {
    const { leavesOut } = await loadFormat(formatName);
    for (const line of sentences(summary, leavesOut, options.out!)) await output.line(line);
  }
  return summary.failed + damaged;
}

/** Lists conversations from a page on, oldest first. While a page is read, the next one is fetched. */
async function* listPages(
  client: StowkenClient,
  filter: ConversationFilter,
  pageToken: string,
  damage: DamageReport,
): AsyncGenerator<ListedPage, void, void> {
  const fetchPage = (token: string): Promise<ConversationPage> => {
    const page = client.listPage({ filter, order: 'earliestStoreFirst', pageSize, pageToken: token });
    // The error is thrown when the page's turn comes; if that never comes, it is ignored.
    page.catch(() => undefined);
    return page;
  };
  let page: Promise<ConversationPage> | undefined = fetchPage(pageToken);
  while (page) {
    const { conversations, damaged, nextPageToken }: ConversationPage = await page;
    for (const each of damaged) damage.add(each);
    page = nextPageToken === '' ? undefined : fetchPage(nextPageToken);
    yield { conversations, damaged: damaged.length, next: nextPageToken };
  }
}

function sentences(summary: ExportSummary, leavesOut: string, out: string): string[] {
  const { conversations, tokens, duplicates, empty, unfit, files } = summary;
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const size = `${plural(files.length, 'file')}, ${formatBytes(bytes)}`;
  return [
    `${plural(conversations, 'conversation')}, ${plural(tokens, 'token')} in ${out}: ${size}`,
    ...(duplicates > 0 ? [`left out as duplicates: ${plural(duplicates, 'conversation')}`] : []),
    ...(empty + unfit > 0 ? [`left out: ${empty + unfit} (${leavesOut})`] : []),
  ];
}

function splitShares(text: string): readonly Split[] {
  const parts = text
    .split(',')
    .map((part) => /^([A-Za-z0-9][\w-]{0,63})=(\d{1,9}(?:\.\d{1,9})?)$/.exec(part));
  const splits = parts.map((part) => ({ name: part?.[1] ?? '', share: Number(part?.[2] ?? Number.NaN) }));
  const sum = splits.reduce((total, { share }) => total + share, 0);
  const names = new Set(splits.map(({ name }) => name));
  const isRight = sum > 0 && names.size === splits.length && splits.length <= splitsMax;
  if (!isRight) throw new InvalidArgumentError('It is NAME=SHARE,NAME=SHARE: train=0.9,validation=0.1.');
  return splits.map(({ name, share }) => ({ name, share: share / sum }));
}

function roles(text: string): ReadonlySet<string> {
  const names = text.split(',');
  if (names.includes('')) throw new InvalidArgumentError('It is ROLE,ROLE: assistant.');
  return new Set(names);
}
