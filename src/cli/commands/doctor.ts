import type { Command } from 'commander';
import { printable } from '../../model/index.js';
import { type Context, type Finding, UsageError } from '../context.js';
import { plural } from '../format.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { withSettings } from '../serve/flags.js';
import { readSettings, toServeOptions } from '../serve/settings.js';

const epilogue = `
Takes the settings of serve, from options, the environment and --config, and starts nothing. It looks at the machine, the data
folder and its file system, limits of the system, the clock, versions, certificates, tokens and permissions, and makes a small
vault beside the data, which it removes. Run it as the user that the server has, and on its machine or in its container.

Exit codes: 0 no problem, perhaps warnings; 1 there is a problem; 2 wrong usage.

Examples:
  stowken doctor --data ./vault
  sudo -u stowken stowken doctor --config stowken.yaml --json`;

const marks: Readonly<Record<Finding['state'], string>> = {
  ok: 'ok     ',
  warning: 'WARNING',
  problem: 'PROBLEM',
};

/** `stowken doctor` */
export function addDoctor(program: Command, context: Context, done: Done): void {
  withSettings(
    program
      .command('doctor')
      .description('look for what keeps a server from running well, and say how to mend it'),
  )
    .option('--json', 'one JSON object with all findings')
    .addHelpText('after', epilogue)
    .action(async (flags: Record<string, unknown>) => {
      const { output } = context;
      const findings: Finding[] = [];
      for await (const finding of examine(flags, context)) {
        findings.push(finding);
        if (flags['json'] !== true) await output.line(textOf(finding));
      }
      const count = (state: Finding['state']) => findings.filter((each) => each.state === state).length;
      const [problems, warnings] = [count('problem'), count('warning')];
      if (flags['json'] === true) await output.json({ problems, warnings, findings });
      else await output.line(`${plural(problems, 'problem')}, ${plural(warnings, 'warning')}`);
      done(problems === 0 ? exitCodes.done : exitCodes.failed);
    });
}

/** Settings that are not safe together are a finding, and what they name is examined all the same. */
async function* examine(
  flags: Readonly<Record<string, unknown>>,
  { io, diagnose }: Context,
): AsyncGenerator<Finding> {
  const chosen = readSettings(flags, io.env);
  try {
    toServeOptions(chosen);
    yield { check: 'settings', state: 'ok', message: 'serve takes them' };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    yield { check: 'settings', state: 'problem', message: error.message, mend: 'stowken help serve' };
  }
  yield* diagnose(toServeOptions({ ...chosen, 'insecure-bind': true }));
}

function textOf({ check, state, message, mend }: Finding): string {
  const line = `${marks[state]}  ${check}: ${printable(message)}`;
  return mend === undefined ? line : `${line}\n         ${printable(mend)}`;
}
