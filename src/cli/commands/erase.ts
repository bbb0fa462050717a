import type { Command } from 'commander';
import type { EraseGap, EraseOptions, ErasePart, EraseReceipt, StowkenClient } from '../../client/index.js';
import { type ServerOption, withClient, withServer } from '../connection/index.js';
import { CommandFailure, type Context, UsageError } from '../context.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { formatBytes, formatCount, formatTime, plural } from '../format.js';
import { duration, keyValue } from '../options.js';

interface Options extends ServerOption {
  readonly label?: Readonly<Record<string, string>>;
  readonly dryRun?: boolean;
  readonly wait?: number;
  readonly json?: true;
}

type Progress = Extract<ErasePart, { kind: 'progress' }>;

const epilogue = `
Give ids, or labels; of several labels, all must match. Deletes the conversations, collects what only they had, lets
requests and usage forget them, replaces registries with their text, overwrites every free byte of the vault's files,
and checks every record. What others share stays, and is named. The receipt goes to standard output; the exit code is
1 if the erasure is not complete and proven (call it once more then), or if an id is not there. The server goes on
serving.

Not looked at: backups, exports, replicas, the audit log, other vaults. Names of applications, models, roles and
speakers stay known to the vault.

Examples:
  stowken erase --label user=7 --dry-run
  stowken erase --label user=7 --json > receipt.json
  stowken erase run-1 run-2`;

/** `stowken erase` */
export function addErase(program: Command, context: Context, done: Done): void {
  withServer(program.command('erase'))
    .description('erase conversations, so that nothing of them is left in the files of the vault')
    .argument('[id...]', 'the conversations')
    .option('--label <key=value>', 'those whose metadata has this entry; repeat it for more', keyValue)
    .option('--dry-run', 'erase nothing; report what would be deleted, and what others share')
    .option('--wait <duration>', 'wait so long for calls that read them: 30s, 10m', duration)
    .option('--json', 'one JSON object: the receipt')
    .addHelpText('after', epilogue)
    .action(async (ids: string[], options: Options) => {
      const receipt = await withClient(options, context, (client) =>
        erase(client, choose(ids, options), options, context),
      );
      if (options.json) await context.output.json(plain(receipt));
      else for (const line of words(receipt)) await context.output.line(line);
      const isWhole = receipt.gaps.length === 0 && receipt.missing === 0;
      if (receipt.gaps.length > 0)
        context.io.stderr.write(
          `stowken: the erasure is not complete: ${receipt.gaps.map(gapOf).join('; ')}\n`,
        );
      done(isWhole ? exitCodes.done : exitCodes.failed);
    });
}

function choose(ids: readonly string[], { label }: Options): Pick<EraseOptions, 'ids' | 'labels'> {
  if (ids.length > 0 && label === undefined) return { ids };
  if (ids.length === 0 && label !== undefined) return { labels: label };
  throw new UsageError(`ids, or --label: ${ids.length === 0 ? 'none is given' : 'both are given'}`);
}

async function erase(
  client: StowkenClient,
  chosen: Pick<EraseOptions, 'ids' | 'labels'>,
  { dryRun = false, wait }: Options,
  { io, interruption }: Context,
): Promise<EraseReceipt> {
  let at: Progress | undefined;
  let receipt: EraseReceipt | undefined;
  interruption.onInterrupt(() =>
    dryRun || at === undefined
      ? 'nothing was erased'
      : `${plural(at.conversations, 'conversation')} deleted, and perhaps more; nothing is proven: call again for the rest`,
  );
  for await (const part of client.erase({ ...chosen, dryRun, ...(wait !== undefined && { waitMs: wait }) })) {
    if (part.kind === 'receipt') receipt = part;
    else {
      if (part.phase !== at?.phase) io.stderr.write(`${phaseOf(part)} ...\n`);
      at = part;
    }
  }
  if (receipt === undefined) throw new CommandFailure('the server ended the erasure early');
  return receipt;
}

function phaseOf({ phase }: Progress): string {
  return {
    unknown: 'working',
    deleting: 'deleting conversations',
    collecting: 'collecting what only they had',
    forgetting: 'forgetting their requests and labels',
    registries: 'comparing registries with what is left',
    overwriting: 'overwriting free space',
    verifying: 'checking every record',
  }[phase];
}

function gapOf(gap: EraseGap): string {
  return {
    unknown: 'for a reason that this version does not know',
    readers: 'somebody still reads it; call again later',
    damage: 'records are damaged: see stowken verify',
    registries: 'a registry with its text is still in use; call again',
    stored: 'conversations of the selection were stored meanwhile; call again',
    database:
      'no row of the database has it, but its files, WAL and backups may: see "Erasure" in docs/scaling.md',
  }[gap];
}

function words(receipt: EraseReceipt): string[] {
  const { conversations, messages, tokens, missing, segments, segmentTokens, isDryRun } = receipt;
  const { sharedSegments, sharedTokens, children } = receipt;
  const head = [
    `${isDryRun ? 'would delete' : 'deleted'} ${plural(conversations, 'conversation')}: ${plural(messages, 'message')}, ${plural(tokens, 'token')}`,
    ...(missing > 0 ? [`${plural(missing, 'id')} not there`] : []),
    `${isDryRun ? 'would erase' : 'erased'}: ${plural(segments, 'segment')} that only they had, ${plural(segmentTokens, 'token')}`,
    `shared with others, and stays: ${plural(sharedSegments, 'segment')}, ${plural(sharedTokens, 'token')}`,
    ...(children > 0 ? [`forks of them, which stay: ${formatCount(children)}`] : []),
  ];
  if (isDryRun) return head;
  const { forgottenRequests, forgottenUsageGroups, registriesCompared, registriesReplaced } = receipt;
  const { pagesInUse, pagesFree, overwrittenBytes, violations, gaps, timeMs } = receipt;
  return [
    ...head,
    `forgotten: ${plural(forgottenRequests, 'request')}, ${plural(forgottenUsageGroups, 'value')} of labels in usage`,
    `registries: ${formatCount(registriesCompared)} compared with what is left, ${formatCount(registriesReplaced.length)} replaced`,
    ...(gaps.includes('database')
      ? []
      : [
          `files: ${plural(pagesInUse, 'page')} in use, ${plural(pagesFree, 'page')} free; ${formatBytes(overwrittenBytes)} overwritten, all else of them was zero`,
        ]),
    `check of every record: ${violations === 0 ? 'all whole' : plural(violations, 'violation')}`,
    `${gaps.length === 0 ? 'complete' : 'not complete'} at ${formatTime(timeMs)}; backups, exports and the audit log are not looked at`,
  ];
}

function plain(receipt: EraseReceipt): object {
  const { timeMs, isDryRun, shared, registriesReplaced, gaps } = receipt;
  return {
    time: formatTime(timeMs),
    dry_run: isDryRun,
    complete: !isDryRun && gaps.length === 0,
    conversations: receipt.conversations,
    messages: receipt.messages,
    tokens: receipt.tokens,
    missing: receipt.missing,
    segments: receipt.segments,
    segment_tokens: receipt.segmentTokens,
    shared_segments: receipt.sharedSegments,
    shared_tokens: receipt.sharedTokens,
    shared,
    children: receipt.children,
    forgotten_requests: receipt.forgottenRequests,
    forgotten_usage_groups: receipt.forgottenUsageGroups,
    registries_compared: receipt.registriesCompared,
    registries_replaced: registriesReplaced,
    pages_in_use: receipt.pagesInUse,
    pages_free: receipt.pagesFree,
    overwritten_bytes: receipt.overwrittenBytes,
    violations: receipt.violations,
    gaps,
    not_looked_at: ['backups', 'exports', 'audit log', 'other vaults'],
  };
}
