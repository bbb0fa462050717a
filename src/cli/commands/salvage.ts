import type { Command } from 'commander';
import { printable } from '../../model/index.js';
import type { Context, SalvagedVault } from '../context.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { formatBytes, plural } from '../format.js';
import { plainViolation, violationLine } from '../damage-report.js';

interface Options {
  readonly to: string;
  readonly json?: true;
}

/** Limit of the lines of one kind that are shown; --json has all of them. */
const SHOWN_MAX = 100;

const epilogue = `
Copies the readable content of a damaged vault of the lmdb storage to a new vault, which is then checked as a whole.
Needs no server, and none may have the vault open. The damaged vault is only read, page by page, so that no damage
can end the command. Ids, times, revisions, metadata, registries and frames stay the same. A conversation is copied
only if it is complete and every segment has the hash that it is stored under.

If pages that lead to others are lost, records are found by a scan of every page of the file. Conversations that
were found by it are reported: they are complete, but may have been changed or deleted since.

Settings of the vault (labels, lifetimes, limits, quota) are not copied: stowken vault set.

Exit codes: 0 nothing was lost, 1 losses were reported on standard error, 2 wrong usage.

Examples:
  stowken salvage ./vault --to ./new-vault
  stowken salvage ./vault --to ./new-vault --json > report.json`;

/** `stowken salvage` */
export function addSalvage(program: Command, context: Context, done: Done): void {
  program
    .command('salvage')
    .description('copy the readable content of a damaged vault to a new one')
    .argument('<dir>', "the damaged vault's folder")
    .requiredOption('--to <dir>', "the new vault's folder: empty, or not there")
    .option('--json', 'one JSON object: the contents of the new vault, and the losses')
    .addHelpText('after', epilogue)
    .action(async (from: string, { to, json }: Options) => {
      const { io, output, interruption, salvageVault } = context;
      interruption.onInterrupt(() => 'nothing was salvaged');
      const salvaged = await salvageVault({ from, to, signal: interruption.signal });
      for (const line of lines(salvaged)) io.stderr.write(`${printable(line)}\n`);
      if (json) await output.json(plain(to, salvaged));
      else await output.line(sentence(to, salvaged));
      done(salvaged.complete ? exitCodes.done : exitCodes.failed);
    });
}

function lines({ lost, orphaned, violations }: SalvagedVault): string[] {
  const { conversations, segments, registries, pages, records } = lost;
  return [
    ...some(pages, ({ page, table, what }) => {
      const where = page === undefined ? 'the data file' : `page ${page}`;
      return `damaged: ${where}${table === undefined ? '' : ` (${table})`}: ${what}`;
    }),
    ...some(Object.entries(records), ([table, count]) => `damaged: ${plural(count, 'record')} of ${table}`),
    ...some(registries, (id) => `lost: registry ${id}`),
    ...some(segments, (id) => `lost: segment ${id}`),
    ...some(conversations, ({ id, number, what }) => `lost: conversation ${named(id, number)}: ${what}`),
    ...some(
      orphaned.conversations,
      (id) => `found on a page that nothing leads to: conversation ${JSON.stringify(id)}`,
    ),
    ...violations.map(violationLine),
  ];
}

function named(id: string | undefined, number: number): string {
  return id === undefined ? `number ${number}, whose id is not known` : JSON.stringify(id);
}

function some<T>(items: readonly T[], line: (item: T) => string): string[] {
  const shown = items.slice(0, SHOWN_MAX).map(line);
  const rest = items.length - shown.length;
  return rest > 0 ? [...shown, `... and ${rest} more like this; --json names all`] : shown;
}

function plain(
  folder: string,
  { vaultId, stats, lost, orphaned, complete, violations }: SalvagedVault,
): object {
  return {
    data: folder,
    vault_id: vaultId,
    complete,
    conversations: stats.conversations,
    messages: stats.messages,
    segments: stats.segments,
    tokens: stats.tokens,
    in_use_bytes: stats.inUseBytes,
    lost,
    orphaned,
    violations: violations.map(plainViolation),
  };
}

function sentence(folder: string, { stats, lost, complete }: SalvagedVault): string {
  const { conversations, messages, segments, inUseBytes } = stats;
  const missing = `${plural(lost.conversations.length, 'conversation')} lost, ${plural(lost.pages.length, 'page')} damaged`;
  return (
    `salvaged ${plural(conversations, 'conversation')}, ${plural(messages, 'message')}, ` +
    `${plural(segments, 'segment')} to ${folder}, ${formatBytes(inUseBytes)}: ${complete ? 'nothing was lost' : missing}`
  );
}
