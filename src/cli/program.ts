import { Command, CommanderError } from 'commander';
import { StartRefused, UsageError, type CliDependencies, type Context } from './context.js';
import type { Io } from './io.js';
import { describeError } from './errors.js';
import { printable, printableLines } from '../model/index.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import { Interruption } from './interruption.js';
import { withLeadingOptionsMoved } from './leading-options.js';
import { Output, OutputClosed } from './output.js';
import { addCommands } from './commands/index.js';

const epilogue = `
Examples:
  stowken serve --data ./vault
  stowken import conversations.jsonl.gz
  stowken export > copy.jsonl
  stowken stats

Exit codes: 0 done, 1 an error was reported on standard error, 2 wrong usage, 130 or 143 interrupted by Ctrl-C
or SIGTERM, 78 serve found the vault damaged or of a newer version: starting it again does not help.`;

/** Commands that handle signals themselves. */
const ownSignals = new Set(['serve']);

/** Runs `stowken` with these arguments. Resolves to its exit code, and never rejects. */
export async function runCli(
  { io = process, ...dependencies }: CliDependencies,
  argv: readonly string[] = process.argv.slice(2),
): Promise<number> {
  let code: ExitCode = exitCodes.done;
  io.stderr.on('error', () => undefined); // If nobody reads standard error, there is nobody to report it to.
  const interruption = new Interruption(io.stderr);
  const output = new Output(io.stdout, interruption.signal);
  const { program, context } = buildProgram({ ...dependencies, io, output, interruption });
  try {
    await addCommands(program, argv, context, (result) => (code = result));
    await program.parseAsync(withLeadingOptionsMoved(program, argv), { from: 'user' });
    await output.finish();
    return code;
  } catch (error) {
    return explain(error, interruption, io);
  } finally {
    // After one signal, a second one ends the process with its code until it is gone.
    if (interruption.exitCode === undefined) interruption.unlisten();
  }
}

function buildProgram(parts: Omit<Context, 'profile'>): { program: Command; context: Context } {
  const { io, version, interruption } = parts;
  const program = new Command('stowken');
  const context = { ...parts, profile: () => program.opts<{ profile?: string }>().profile };
  program
    .description('Stores LLM token sequences: every distinct sequence once, exact, over gRPC.')
    .version(version, '--version', 'print the version')
    .option('--profile <name>', 'connect as this profile says; else $STOWKEN_PROFILE')
    .helpOption('-h, --help', 'show help')
    .addHelpText('after', epilogue)
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(printableLines(text)),
    })
    .hook('preAction', (_program, command) => {
      if (!ownSignals.has(command.name())) interruption.listen();
    });
  return { program, context };
}

function explain(error: unknown, interruption: Interruption, io: Io): number {
  if (interruption.exitCode !== undefined) {
    io.stderr.write(`stowken: ${printable(interruption.sentence())}\n`);
    return interruption.exitCode;
  }
  if (error instanceof OutputClosed) return exitCodes.done;
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  io.stderr.write(`stowken: ${printable(describeError(error))}\n`);
  if (error instanceof UsageError) return exitCodes.usage;
  if (error instanceof StartRefused) return exitCodes.damaged;
  return exitCodes.failed;
}
