import type { Command } from 'commander';
import type { CollectPart, StowkenClient } from '../../client/index.js';
import { type ServerOption, withClient, withServer } from '../connection/index.js';
import { duration } from '../options.js';
import { CommandFailure, type Context } from '../context.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { formatBytes, plural } from '../format.js';
import { createPreparationProgress } from '../progress.js';

interface Options extends ServerOption {
  readonly dryRun?: true;
  readonly minAge?: number;
  readonly json?: true;
}

type Plan = Extract<CollectPart, { kind: 'plan' | 'progress' }>;
type Summary = Extract<CollectPart, { kind: 'summary' }>;

const epilogue = `
Examples:
  stowken gc --dry-run
  stowken gc --min-age 24h`;

/** `stowken gc` */
export function addGc(program: Command, context: Context, done: Done): void {
  withServer(program.command('gc'))
    .description('delete the segments that no conversation refers to')
    .option('--dry-run', 'only report the segments that would be deleted')
    .option(
      '--min-age <duration>',
      'only segments that have been garbage this long: 90s, 10m, 24h, 7d',
      duration,
    )
    .option('--json', 'one JSON object: the plan and the result')
    .addHelpText('after', epilogue)
    .action(async (options: Options) => {
      const { plan, summary } = await withClient(options, context, (client) =>
        collect(client, options, context),
      );
      if (options.json) await context.output.json(plainSummary(options, plan, summary));
      else await context.output.line(sentence(options, plan, summary));
      done(exitCodes.done);
    });
}

async function collect(
  client: StowkenClient,
  options: Options,
  { io, interruption }: Context,
): Promise<{ plan: Plan; summary: Summary }> {
  let plan: Plan | undefined;
  let summary: Summary | undefined;
  const { dryRun = false, minAge } = options;
  const preparation = createPreparationProgress(io);
  let deleted: Plan = { kind: 'progress', segments: 0, bytes: 0 };
  interruption.onInterrupt(() =>
    dryRun ? 'nothing was deleted' : `deleted ${figures(deleted)} so far; call again for the rest`,
  );
  try {
    for await (const part of client.collectGarbage({
      dryRun,
      reportPreparation: options.json !== true,
      ...(minAge !== undefined && { minAgeMs: minAge }),
    })) {
      if (part.kind === 'preparation') preparation.at(part);
      else preparation.stop();
      if (part.kind === 'plan') plan = part;
      if (part.kind === 'progress') deleted = { ...part, kind: 'progress' };
      if (part.kind === 'summary') summary = part;
    }
  } finally {
    preparation.stop();
  }
  if (plan === undefined || summary === undefined)
    throw new CommandFailure('the server ended the collection early');
  return { plan, summary };
}

function plainSummary({ dryRun }: Options, plan: Plan, summary: Summary): object {
  return {
    dry_run: dryRun === true,
    planned_segments: plan.segments,
    planned_bytes: plan.bytes,
    segments: summary.segments,
    bytes: summary.bytes,
    kept_segments: summary.keptSegments,
  };
}

function sentence({ dryRun }: Options, plan: Plan, summary: Summary): string {
  if (dryRun) return `would delete ${figures(plan)}`;
  const kept =
    summary.keptSegments > 0 ? `; kept ${plural(summary.keptSegments, 'segment')} still in use` : '';
  return `deleted ${figures(summary)}${kept}`;
}

function figures({ segments, bytes }: Plan | Summary): string {
  return `${plural(segments, 'segment')}, ${formatBytes(bytes)}`;
}
