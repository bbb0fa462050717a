import type { Command } from 'commander';
import type { StowkenClient, VerifyPart, Violation } from '../../client/index.js';
import { CommandFailure, type Context } from '../context.js';
import { exitCodes } from '../exit-codes.js';
import { plural, printable } from '../format.js';
import { Output } from '../output.js';
import type { Done } from '../program.js';
import { withClient, withServer, type ServerOption } from '../server-option.js';
import { createVerifyProgress, type VerifyProgress } from '../verify/progress.js';

interface Options extends ServerOption {
  readonly json?: true;
}

type Summary = Extract<VerifyPart, { kind: 'summary' }>;

const epilogue = `
Compares every record of the vault with every other, and decodes every segment and names it again. The server
goes on serving meanwhile. What is wrong is printed line by line, and the exit code is then 1.

Examples:
  stowken verify
  stowken verify --json | jq .violations`;

/** `stowken verify` */
export function addVerify(program: Command, context: Context, done: Done): void {
  withServer(program.command('verify'), context)
    .description('check that everything stored is whole')
    .option('--json', 'one JSON object: what was looked at and what is wrong')
    .addHelpText('after', epilogue)
    .action(async (options: Options) => {
      const { violations, summary } = await withClient(options, (client) => verify(client, context));
      const output = new Output(context.io.stdout);
      await output.line(options.json ? asJson(violations, summary) : asLines(violations, summary));
      if (violations.length > 0) {
        context.io.stderr.write(
          `stowken: the vault is not whole: ${plural(violations.length, 'violation')}\n`,
        );
      }
      done(violations.length > 0 ? exitCodes.failed : exitCodes.done);
    });
}

async function verify(
  client: StowkenClient,
  { io }: Context,
): Promise<{ violations: Violation[]; summary: Summary }> {
  const violations: Violation[] = [];
  let summary: Summary | undefined;
  const progress: VerifyProgress = createVerifyProgress(io);
  try {
    for await (const part of client.verify()) {
      if (part.kind === 'progress') progress.at(part.done, part.total);
      else if (part.kind === 'violation') violations.push(part);
      else summary = part;
    }
  } finally {
    progress.stop();
  }
  if (summary === undefined) throw new CommandFailure('the server ended the verification early');
  return { violations, summary };
}

function asJson(violations: readonly Violation[], { records }: Summary): string {
  return JSON.stringify({
    records,
    violations: violations.map(({ invariant, subject, detail }) => ({ invariant, subject, detail })),
  });
}

function asLines(violations: readonly Violation[], { records }: Summary): string {
  const lines = violations.map(({ invariant, subject, detail }) =>
    printable(`${invariant}: ${subject}: ${detail}`),
  );
  const found = violations.length === 0 ? 'all whole' : plural(violations.length, 'violation');
  return [...lines, `looked at ${plural(records, 'record')}: ${found}`].join('\n');
}
