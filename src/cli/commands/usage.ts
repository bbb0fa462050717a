import { type Command, InvalidArgumentError, Option } from 'commander';
import type { StowkenClient, UsageOptions, UsageRow } from '../../client/index.js';
import { printable } from '../../model/index.js';
import { type ServerOption, withClient, withServer } from '../connection/index.js';
import { type Context, UsageError } from '../context.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { formatCount } from '../format.js';
import { formatTable } from '../table.js';
import { filled, time } from '../options.js';

interface Options extends ServerOption {
  readonly by: readonly string[];
  readonly since?: number;
  readonly until?: number;
  readonly zone?: string;
  readonly json?: true;
  readonly csv?: true;
}

const fields = ['day', 'hour', 'application', 'model', 'tokenizer'] as const;

const figures = {
  conversations: 'conversations',
  messages: 'messages',
  tokens: 'tokens',
  system_tokens: 'systemTokens',
  user_tokens: 'userTokens',
  assistant_tokens: 'assistantTokens',
  new_tokens: 'newTokens',
  repeated_tokens: 'repeatedTokens',
  prefix_tokens: 'prefixTokens',
  stored_bytes: 'storedBytes',
} as const satisfies Record<string, keyof UsageRow>;

/** Figures of the table for people. */
const shown = ['conversations', 'tokens', 'new_tokens', 'repeated_tokens', 'prefix_tokens'] as const;

const BAR_CELLS = 24;

const epilogue = `
Examples:
  stowken usage --by day,model
  stowken usage --by model,user --since 2026-01-01 --until 2026-02-01 --zone Europe/Berlin
  stowken usage --by hour --csv > usage.csv`;

/** `stowken usage` */
export function addUsage(program: Command, context: Context, done: Done): void {
  withServer(program.command('usage'))
    .description('show what was stored, by day, model, label and others')
    .option('--by <fields>', `${fields.join(', ')}, and labels; separated by commas`, groups, [
      'day',
      'model',
    ])
    .option('--since <time>', 'only from this time on: 2026-01-31, 2026-01-31T12:00:00Z', time)
    .option('--until <time>', 'only before this time', time)
    .option('--zone <name>', 'time zone of days and hours: Europe/Berlin; UTC if absent', filled)
    .option('--json', 'one JSON object per line')
    .addOption(new Option('--csv', 'values separated by commas, with a head').conflicts('json'))
    .addHelpText('after', epilogue)
    .action(async (options: Options) => {
      const { output } = context;
      const labels = options.by.filter((field) => !isField(field));
      const rows = await withClient(options, context, async (client) => {
        const found = await client.usage(toQuery(options, labels));
        await checkLabels(client, labels, found);
        return found;
      });
      const columns = rows.map((row) => options.by.map((field) => valueOf(row, field)));
      if (options.json) for (const row of rows) await output.json(plainRow(row, options.by, labels));
      else if (options.csv) await output.line(csv(rows, columns, options.by));
      else await output.line(rows.length === 0 ? 'no usage' : table(rows, columns, options.by));
      done(exitCodes.done);
    });
}

function groups(text: string): string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.includes('') || new Set(names).size < names.length)
    throw new InvalidArgumentError('It is names separated by commas, each once: day,model,user.');
  return names;
}

function isField(name: string): name is (typeof fields)[number] {
  return (fields as readonly string[]).includes(name);
}

/**
 * Refuses a name that is neither a field nor a label of the vault: a misspelt one would give a single group
 * without a value. Usage that was counted under a former label can still be asked for.
 * @throws UsageError
 */
async function checkLabels(
  client: StowkenClient,
  labels: readonly string[],
  rows: readonly UsageRow[],
): Promise<void> {
  const unseen = labels.filter((label) => rows.every((row) => labelOf(row, label) === undefined));
  if (unseen.length === 0) return;
  const { settings } = await client.admin.getVault();
  const known = settings.labels ?? [];
  const unknown = unseen.find((label) => !known.includes(label));
  if (unknown === undefined) return;
  const names = (of: readonly string[]) => of.map((name) => printable(name)).join(', ');
  throw new UsageError(
    `usage is not counted by ${JSON.stringify(unknown)}. Fields: ${names(fields)}; labels of the vault: ` +
      `${names(known) || 'none, see stowken vault set --labels'}`,
  );
}

function toQuery({ by, since, until, zone }: Options, labels: readonly string[]): UsageOptions {
  return {
    groupBy: by.filter(isField),
    labels,
    ...(since !== undefined && { fromMs: since }),
    ...(until !== undefined && { beforeMs: until }),
    ...(zone !== undefined && { timeZone: zone }),
  };
}

function valueOf(row: UsageRow, field: string): string {
  return isField(field) ? row[field] : (labelOf(row, field) ?? '');
}

/** Returns the value of a label; undefined if there is none, also for the names that every object has. */
function labelOf({ labels }: UsageRow, name: string): string | undefined {
  return Object.hasOwn(labels, name) ? labels[name] : undefined;
}

/** With one label, its value is also under "label". */
function plainRow(row: UsageRow, by: readonly string[], labels: readonly string[]): object {
  const [label] = labels;
  return {
    ...Object.fromEntries(by.map((field) => [field, valueOf(row, field)])),
    ...(label !== undefined && labels.length === 1 && { label: valueOf(row, label) }),
    ...Object.fromEntries(Object.entries(figures).map(([name, figure]) => [name, row[figure]])),
  };
}

function csv(rows: readonly UsageRow[], columns: readonly string[][], by: readonly string[]): string {
  const quote = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const lines = rows.map((row, at) => [
    ...columns[at]!.map(quote),
    ...Object.values(figures).map((figure) => String(row[figure])),
  ]);
  return [[...by.map(quote), ...Object.keys(figures)], ...lines].map((line) => line.join(',')).join('\n');
}

function table(rows: readonly UsageRow[], columns: readonly string[][], by: readonly string[]): string {
  const most = Math.max(1, ...rows.map(({ tokens }) => tokens));
  const head = (name: string) => printable(name.replaceAll('_', ' ').toUpperCase());
  const lines = rows.map((row, at) => [
    ...columns[at]!.map((value) => printable(value) || '-'),
    ...shown.map((figure) => formatCount(row[figures[figure]])),
    '█'.repeat(Math.ceil((BAR_CELLS * row.tokens) / most)),
  ]);
  const align = [...by.map(() => 'left' as const), ...shown.map(() => 'right' as const), 'left' as const];
  return formatTable([[...by.map(head), ...shown.map(head), ''], ...lines], align);
}
