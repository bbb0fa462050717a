import { type Command, InvalidArgumentError } from 'commander';
import type {
  CompactionPlan,
  CompactionProgress,
  CompactionSummary,
  CompactPart,
  StowkenClient,
} from '../../client/index.js';
import { type ServerOption, withClient, withServer } from '../connection/index.js';
import { duration, wholeNumber } from '../options.js';
import { createBar as createTerminalBar, createPreparationProgress } from '../progress.js';
import { CommandFailure, type Context } from '../context.js';
import type { Io } from '../io.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { formatBytes, formatCount, formatShare, plural } from '../format.js';

interface Options extends ServerOption {
  readonly dryRun?: true;
  readonly minSavings?: number;
  readonly timeMax?: number;
  readonly segmentsMax?: number;
  readonly bytesMax?: number;
  readonly resume?: string;
  readonly json?: true;
}

const epilogue = `
A compaction that stops early prints the token with which another one continues; frames that it has rewritten stay.
It examines segments in batches, and stops after the batch that reaches a limit. Pages freed inside the vault's file
are reused; only stowken backup and restore return them to the file system.

Examples:
  stowken compact --dry-run
  stowken compact --time-max 10m`;

/** `stowken compact` */
export function addCompact(program: Command, context: Context, done: Done): void {
  withServer(program.command('compact'))
    .description(
      'train a registry on the stored segments and rewrite their frames with it, while the server serves',
    )
    .option('--dry-run', 'only show the plan')
    .option(
      '--min-savings <part>',
      'change nothing below this part of the bytes, 0 to 1 (default: 0.05)',
      part,
    )
    .option('--time-max <duration>', 'rewrite for this long, then stop: 90s, 10m, 2h', duration)
    .option('--segments-max <n>', 'stop after n segments were examined', wholeNumber(1))
    .option('--bytes-max <n>', 'stop after n bytes of frames were examined', wholeNumber(1))
    .option('--resume <token>', 'continue where a compaction stopped')
    .option('--json', 'one JSON object: the plan and the result')
    .addHelpText('after', epilogue)
    .action(async (options: Options) => {
      const { plan, summary } = await withClient(options, context, (client) =>
        compact(client, options, context),
      );
      if (options.json) await context.output.json(plain(plan, summary));
      else await context.output.line(sentence(summary));
      done(exitCodes.done);
    });
}

function part(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1)) {
    throw new InvalidArgumentError('It is a number from 0 to 1.');
  }
  return value;
}

async function compact(
  client: StowkenClient,
  options: Options,
  { io, interruption }: Context,
): Promise<{ plan: CompactionPlan | undefined; summary: CompactionSummary }> {
  let plan: CompactionPlan | undefined;
  let progress: CompactionProgress | undefined;
  interruption.onInterrupt(() => interrupted(progress));
  const display = createDisplay(io, options.json === true);
  try {
    for await (const part of client.compactSubstrings({
      dryRun: options.dryRun === true,
      reportPreparation: options.json !== true,
      ...(options.minSavings !== undefined && { minSavingsRatio: options.minSavings }),
      ...(options.timeMax !== undefined && { timeMsMax: options.timeMax }),
      ...(options.segmentsMax !== undefined && { segmentsMax: options.segmentsMax }),
      ...(options.bytesMax !== undefined && { bytesMax: options.bytesMax }),
      ...(options.resume !== undefined && { resumeToken: options.resume }),
    })) {
      display(part);
      if (part.kind === 'plan') plan = part;
      if (part.kind === 'progress') progress = part;
      if (part.kind === 'summary') return { plan, summary: part };
    }
  } finally {
    display(undefined);
  }
  throw new CommandFailure('the server ended the compaction early; call again, and it goes on');
}

/** Shows the preparation, the plan as a line, then a bar. Undefined: there are no more parts. */
function createDisplay(io: Io, quiet: boolean): (part: CompactPart | undefined) => void {
  if (quiet) return () => undefined;
  const note = (text: string) => void io.stderr.write(`${text}\n`);
  const preparation = createPreparationProgress(io);
  const bar = createBar(io);
  return (part) => {
    if (part?.kind === 'preparation') preparation.at(part);
    else preparation.stop();
    if (part?.kind === 'plan') note(planSentence(part));
    bar(part);
  };
}

/** Creates a bar for the frames that are rewritten; only on a terminal. */
function createBar(io: Io): (part: CompactPart | undefined) => void {
  if (io.stderr.isTTY !== true) return () => undefined;
  const bar = createTerminalBar(io, '{bar} {percentage} % · {bytes} · {eta_formatted} left');
  let started = false;
  return (part) => {
    if (part?.kind === 'progress') {
      if (!started) bar.start(part.segments, 0, { bytes: '' });
      started = true;
      bar.update(part.segmentsDone, { bytes: barBytes(part) });
    }
    if (part === undefined && started) bar.stop();
  };
}

function interrupted(progress: CompactionProgress | undefined): string {
  if (progress === undefined) return 'nothing was rewritten';
  const { segmentsDone, segments, resumeToken } = progress;
  return (
    `${formatCount(segmentsDone)} of ${plural(segments, 'segment')} looked at, ${barBytes(progress)}; what is rewritten stays` +
    (resumeToken === '' ? '' : `; go on with --resume ${resumeToken}`)
  );
}

function barBytes({ bytesBefore, bytesAfter }: CompactionProgress): string {
  return `${formatBytes(bytesBefore)} to ${formatBytes(bytesAfter)}`;
}

function planSentence(plan: CompactionPlan): string {
  const registry = plan.newRegistry
    ? `a new registry of ${formatBytes(plan.registryBytes)}, trained on ${plural(plan.sampleSegments, 'segment')}`
    : `registry ${plan.registryId}, which is there`;
  const saved = `${(100 * plan.predictedSavingsRatio).toFixed(1)} % of frames and registries saved`;
  const reclaimable =
    plan.reclaimablePageBytes > 0 ? `; ${formatBytes(plan.reclaimablePageBytes)} in half-empty pages` : '';
  return (
    `plan: ${plural(plan.segments, 'segment')} of ${formatBytes(plan.segmentBytes)} to about ` +
    `${formatBytes(plan.predictedSegmentBytes)} with ${registry}; ${saved}${reclaimable}`
  );
}

function sentence(summary: CompactionSummary): string {
  if (summary.end === 'dryRun') return 'dry run: nothing was changed';
  if (summary.end === 'notWorthIt') return 'not worth it: nothing was changed';
  const { bytesBefore, bytesAfter, inUseBytesBefore, inUseBytesAfter } = summary;
  const shrunk = `${formatBytes(bytesBefore)} to ${formatBytes(bytesAfter)} (${formatShare(bytesAfter, bytesBefore)})`;
  const lines = [
    summary.segmentsDone === 0
      ? 'no frame rewritten: only half-empty pages were worth it'
      : `${plural(summary.segmentsRewritten, 'frame')} rewritten: ${shrunk}`,
    `in use: ${formatBytes(inUseBytesBefore)} to ${formatBytes(inUseBytesAfter)}, everything counted`,
  ];
  if (summary.resumeToken !== '') lines.push(`stopped early; go on with --resume ${summary.resumeToken}`);
  return lines.join('\n');
}

/** Names as in the contract. */
const endNames: Record<CompactionSummary['end'], string> = {
  complete: 'complete',
  dryRun: 'dry_run',
  notWorthIt: 'not_worth_it',
  budgetReached: 'budget_reached',
  unknown: 'unknown',
};

function plain(plan: CompactionPlan | undefined, summary: CompactionSummary): object {
  return {
    end: endNames[summary.end],
    ...(plan !== undefined && {
      plan: {
        segments: plan.segments,
        segment_bytes: plan.segmentBytes,
        sample_segments: plan.sampleSegments,
        sample_tokens: plan.sampleTokens,
        registry_id: plan.registryId,
        registry_bytes: plan.registryBytes,
        new_registry: plan.newRegistry,
        predicted_segment_bytes: plan.predictedSegmentBytes,
        predicted_savings_ratio: plan.predictedSavingsRatio,
        reclaimable_page_bytes: plan.reclaimablePageBytes,
      },
    }),
    segments_done: summary.segmentsDone,
    segments_rewritten: summary.segmentsRewritten,
    bytes_before: summary.bytesBefore,
    bytes_after: summary.bytesAfter,
    registry_id: summary.registryId,
    registries_dropped: summary.registriesDropped,
    in_use_bytes_before: summary.inUseBytesBefore,
    in_use_bytes_after: summary.inUseBytesAfter,
    resume_token: summary.resumeToken,
  };
}
