import { Command, CommanderError } from 'commander';
import { StartRefused, UsageError, type CliDependencies, type Context } from './context.js';
import type { Io } from './io.js';
import { describeError } from './errors.js';
import { printable, printableLines } from '../model/index.js';
import { exitCodes, type Done, type ExitCode } from './exit-codes.js';
import { Interruption } from './interruption.js';
import { withLeadingOptionsMoved } from './leading-options.js';
import { Output, OutputClosed } from './output.js';
import { addAppend } from './commands/append.js';
import { addAudit } from './commands/audit.js';
import { addBackup } from './commands/backup.js';
import { addCompact } from './commands/compact.js';
import { addCompletion } from './commands/completion.js';
import { addConfig } from './commands/config.js';
import { addDelete } from './commands/delete.js';
import { addDemo } from './commands/demo.js';
import { addDoctor } from './commands/doctor.js';
import { addErase } from './commands/erase.js';
import { addExpire } from './commands/expire.js';
import { addRetention } from './commands/retention.js';
import { addExport } from './commands/export.js';
import { addFindPrefix } from './commands/find-prefix.js';
import { addFork } from './commands/fork.js';
import { addGc } from './commands/gc.js';
import { addGet } from './commands/get.js';
import { addHealth } from './commands/health.js';
import { addHelp } from './commands/help.js';
import { addImport } from './commands/import.js';
import { addList } from './commands/list.js';
import { addSimilar } from './commands/similar.js';
import { addDuplicates } from './commands/duplicates.js';
import { addPrompts } from './commands/prompts.js';
import { addTree } from './commands/tree.js';
import { addUsage } from './commands/usage.js';
import { addRegistries } from './commands/registries.js';
import { addTokenizers } from './commands/tokenizers.js';
import { addRestore } from './commands/restore.js';
import { addInspect } from './commands/inspect.js';
import { addCopy } from './commands/copy.js';
import { addMigrate } from './commands/migrate.js';
import { addSalvage } from './commands/salvage.js';
import { addSearch } from './commands/search.js';
import { addServe } from './commands/serve.js';
import { addStats } from './commands/stats.js';
import { addTokens } from './commands/token.js';
import { addVault } from './commands/vault.js';
import { addWarm } from './commands/warm.js';
import { addVerify } from './commands/verify.js';

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
  const program = buildProgram({ ...dependencies, io, output, interruption }, (result) => (code = result));
  try {
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

function buildProgram(parts: Omit<Context, 'profile'>, done: Done): Command {
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
  const commands = [
    addServe,
    addImport,
    addExport,
    addGet,
    addList,
    addTree,
    addUsage,
    addPrompts,
    addWarm,
    addFindPrefix,
    addSearch,
    addSimilar,
    addDuplicates,
    addAppend,
    addFork,
    addDelete,
    addErase,
    addExpire,
    addRetention,
    addStats,
    addHealth,
    addGc,
    addCompact,
    addRegistries,
    addTokenizers,
    addVerify,
    addBackup,
    addRestore,
    addSalvage,
    addMigrate,
    addCopy,
    addInspect,
    addTokens,
    addVault,
    addAudit,
    addDoctor,
    addConfig,
    addCompletion,
    addDemo,
    addHelp,
  ];
  for (const add of commands) add(program, context, done);
  return program;
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
