import { type Command, InvalidArgumentError } from 'commander';
import { printable } from '../../model/index.js';
import type { Context, InspectedRecord, InspectedTable } from '../context.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { formatBytes, formatCount, formatTime, plural } from '../format.js';
import { formatTable } from '../table.js';

interface Options {
  readonly data: string;
  readonly table?: string;
  readonly key?: string;
  readonly limit: number;
  readonly raw?: true;
  readonly json?: true;
}

const LIMIT = 20;
/** Limit of the items of one list that are shown; --json has all of them. */
const ITEMS_MAX = 16;
const HEX_BYTES_PER_LINE = 32;

const epilogue = `
Needs no server, and none may have the vault open. Nothing is written. Damaged records and pages are reported and end
nothing; where they keep a vault from being opened, this still reads the rest of it.

Without --table: every table, with its records and bytes. With --table: its records, decoded by the same declarations
as the store's own. --key finds what a record is about: a conversation by its number or id, a segment in refCounts or
packs, a hash in hashIndex, an id in ids or requests, a holder in references; of a record with many entries, only those are shown.
docs/formats/storage.md and filesystem.md describe the tables.

Exit codes: 0 what was read is whole, 1 damage was read, or there is no record of the key, 2 wrong usage.

Examples:
  stowken inspect --data ./vault
  stowken inspect --data ./vault --table conversations --key run-17
  stowken inspect --data ./vault --table refCounts --key 4711
  stowken inspect --data ./vault --table requests --key my-request-id
  stowken inspect --data ./vault --table meta --key state --json
  stowken inspect --data ./vault --table packs --limit 0 --raw | less`;

/** `stowken inspect` */
export function addInspect(program: Command, context: Context, done: Done): void {
  program
    .command('inspect')
    .description('show the stored records of a vault that no server has open')
    .requiredOption('--data <dir>', "the vault's folder")
    .option('--table <name>', 'the table whose records to show')
    .option('--key <key>', 'only the record, or its entries, with this key')
    .option('--limit <count>', 'records to show, 0 for all', countOf, LIMIT)
    .option('--raw', 'with the stored bytes in hexadecimal')
    .option('--json', 'one JSON object a line')
    .addHelpText('after', epilogue)
    .action(async ({ data, table, key, limit, raw, json }: Options, command: Command) => {
      const { io, output, interruption, inspectVault } = context;
      interruption.onInterrupt(() => 'nothing was changed');
      if (key !== undefined && table === undefined) command.error('error: --key needs --table');
      const vault = await inspectVault(data);
      try {
        if (table !== undefined && !vault.tables.includes(table))
          command.error(`error: there is no table ${printable(table)}; there are ${vault.tables.join(', ')}`);
        const seen = table === undefined ? await tables() : await records(table);
        for (const line of vault.damage()) io.stderr.write(`damaged: ${printable(line)}\n`);
        done(seen && vault.damage().length === 0 ? exitCodes.done : exitCodes.failed);
      } finally {
        vault.close();
      }

      /** Returns whether all records are whole. */
      async function tables(): Promise<boolean> {
        const summary = await vault.summary();
        if (json) for (const each of summary) await output.json(each);
        else await output.write(printTables(summary));
        return summary.every(({ damaged }) => damaged === 0);
      }

      /** Returns whether there were any, and all were whole. */
      async function records(name: string): Promise<boolean> {
        let shown = 0;
        let whole = true;
        for await (const record of vault.records(name, key)) {
          interruption.signal.throwIfAborted();
          if (limit > 0 && shown === limit) {
            io.stderr.write(`more than ${plural(limit, 'record')}; --limit 0 shows all\n`);
            break;
          }
          shown += 1;
          whole &&= record.damage === undefined;
          if (json) await output.json(plain(record, raw === true));
          else await output.write(printRecord(record, raw === true));
        }
        if (shown === 0 && key !== undefined) io.stderr.write(`there is no ${printable(key)} in ${name}\n`);
        return whole && (shown > 0 || key === undefined);
      }
    });
}

function countOf(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

function printTables(tables: readonly InspectedTable[]): string {
  const rows = tables.map(({ name, records, bytes, damaged, what }) => [
    name,
    formatCount(records),
    formatBytes(bytes),
    damaged === 0 ? '' : `${formatCount(damaged)} DAMAGED`,
    what,
  ]);
  return `${formatTable([['table', 'records', 'bytes', '', 'a record is'], ...rows], ['left', 'right', 'right', 'left', 'left'])}\n`;
}

function plain({ table, key, raw, value, damage, orphaned }: InspectedRecord, withBytes: boolean): object {
  return {
    table,
    key,
    bytes: raw.length,
    ...(value !== undefined && { value }),
    ...(damage !== undefined && { damage }),
    ...(orphaned && { orphaned }),
    ...((withBytes || damage !== undefined) && { raw: hex(raw) }),
  };
}

function printRecord(
  { table, key, raw, value, damage, orphaned }: InspectedRecord,
  withBytes: boolean,
): string {
  const lines = [`${table} ${key === '' ? '(first)' : key}  (${plural(raw.length, 'byte')})`];
  if (orphaned) lines.push('  found on a page that nothing leads to: it may be of an older state');
  if (damage !== undefined) lines.push(`  DAMAGED: ${damage}`);
  if (value !== undefined) lines.push(...fields(value as object).map((line) => `  ${line}`));
  if (withBytes || damage !== undefined) lines.push(...hexLines(raw).map((line) => `  ${line}`));
  return `${lines.map(printable).join('\n')}\n\n`;
}

function fields(value: object): string[] {
  const entries = Object.entries(value) as [string, unknown][];
  const width = Math.max(0, ...entries.map(([name]) => name.length));
  return entries.flatMap(([name, field]) => {
    if (Array.isArray(field))
      return [`${name.padEnd(width)}  ${plural(field.length, 'item')}`, ...items(field)];
    const isTime = name.endsWith('_ms') || name.endsWith('TimeMs');
    const time = isTime && typeof field === 'number' && field > 0 ? `  ${formatTime(field)}` : '';
    return [`${name.padEnd(width)}  ${inline(field)}${time}`];
  });
}

function items(list: readonly unknown[]): string[] {
  const shown = list.slice(0, ITEMS_MAX).map((item) => `  - ${inline(item)}`);
  const rest = list.length - shown.length;
  return rest > 0 ? [...shown, `  - ... and ${formatCount(rest)} more; --json has all`] : shown;
}

/** Returns a value on one line; the fields of objects as `name: value`. */
function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return (Object.entries(value) as [string, unknown][])
    .filter(([, field]) => field !== undefined)
    .map(([name, field]) => `${name}: ${isPlain(field) ? `{${inline(field)}}` : inline(field)}`)
    .join(', ');
}

function isPlain(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function hexLines(bytes: Uint8Array): string[] {
  const text = hex(bytes);
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += HEX_BYTES_PER_LINE) {
    const line = text.slice(2 * at, 2 * (at + HEX_BYTES_PER_LINE));
    lines.push(`${at.toString(16).padStart(6, '0')}  ${line.replace(/(.{8})(?=.)/g, '$1 ')}`);
  }
  return lines;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}
