import type { Command } from 'commander';
import type { StowkenClient, VerifyNote, VerifyPart, Violation } from '../../client/index.js';
import { CommandFailure, type Context } from '../context.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { printable } from '../../model/index.js';
import { formatCount, plural } from '../format.js';
import { createVerifyProgress } from '../progress.js';
import { type ServerOption, withClient, withServer } from '../connection/index.js';
import { plainViolation, violationLine } from '../damage-report.js';

interface Options extends ServerOption {
  readonly repair?: true;
  readonly json?: true;
}

type Progress = Extract<VerifyPart, { kind: 'progress' }>;
type Summary = Extract<VerifyPart, { kind: 'summary' }>;

const epilogue = `
Compares every record of the vault with every other, and decodes and hashes every segment. The server goes on
serving meanwhile. Violations are printed line by line, and the exit code is then 1.
--repair rebuilds what follows from other records (counts, indexes, the set of garbage, statistics), during which
other calls wait, and then checks everything again. Content of a damaged frame or conversation stays lost.

Examples:
  stowken verify
  stowken verify --repair
  stowken verify --json | jq .violations`;

/** `stowken verify` */
export function addVerify(program: Command, context: Context, done: Done): void {
  withServer(program.command('verify'))
    .description('check that everything stored is intact')
    .option('--repair', 'rebuild what can be rebuilt, if anything is wrong')
    .option('--json', 'one JSON object: the records checked, repairs and violations')
    .addHelpText('after', epilogue)
    .action(async (options: Options) => {
      const found = await withClient(options, context, (client) => verify(client, options, context));
      const { violations } = found;
      if (options.json) await context.output.json(plain(found));
      else await context.output.line(asLines(found));
      if (violations.length > 0) {
        context.io.stderr.write(
          `stowken: the vault is not whole: ${plural(violations.length, 'violation')}\n`,
        );
      }
      done(violations.length > 0 ? exitCodes.failed : exitCodes.done);
    });
}

interface Found {
  readonly repaired: readonly Violation[];
  readonly violations: readonly Violation[];
  readonly notes: readonly VerifyNote[];
  readonly records: number;
}

async function verify(
  client: StowkenClient,
  { repair }: Options,
  { io, interruption }: Context,
): Promise<Found> {
  const repaired: Violation[] = [];
  const violations: Violation[] = [];
  const notes: VerifyNote[] = [];
  let summary: Summary | undefined;
  const progress = createVerifyProgress(io);
  let at: Progress | undefined;
  interruption.onInterrupt(() => interrupted(at, repair === true));
  try {
    for await (const part of client.verify({ repair: repair === true })) {
      if (part.kind === 'progress') progress.at((at = part));
      else if (part.kind === 'violation') violations.push(part);
      else if (part.kind === 'repaired') repaired.push(part);
      else if (part.kind === 'note') notes.push(part);
      else if (part.kind === 'summary') summary = part;
    }
  } finally {
    progress.stop();
  }
  if (summary === undefined) throw new CommandFailure('the server ended the verification early');
  return { repaired, violations, notes, records: summary.records };
}

function interrupted(at: Progress | undefined, repair: boolean): string {
  const looked = `${formatCount(at?.done ?? 0)} of ${plural(at?.total ?? 0, 'record')} looked at`;
  const repaired =
    !repair || at === undefined || at.phase === 'checking' ? 'nothing was repaired' : 'a repair had begun';
  return `${looked}; what is wrong is named at the end alone${repair ? `; ${repaired}` : ''}`;
}

function plain({ repaired, violations, notes, records }: Found): object {
  return {
    records,
    repaired: repaired.map(plainViolation),
    violations: violations.map(plainViolation),
    notes: notes.map(({ subject, detail }) => ({ subject, detail })),
  };
}

function asLines({ repaired, violations, notes, records }: Found): string {
  const lines = [
    ...repaired.map((violation) => `repaired: ${violationLine(violation)}`),
    ...violations.map((violation) => violationLine(violation)),
    ...notes.map(({ subject, detail }) => `note: ${printable(subject)} ${printable(detail)}`),
  ];
  const left = violations.length === 0 ? 'all whole' : plural(violations.length, 'violation');
  const before = repaired.length === 0 ? '' : `${plural(repaired.length, 'violation')} repaired, now `;
  return [...lines, `looked at ${plural(records, 'record')}: ${before}${left}`].join('\n');
}
