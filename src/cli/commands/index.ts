import type { Command } from 'commander';
import type { Context } from '../context.js';
import type { Done } from '../exit-codes.js';
import { leadingOptions } from '../leading-options.js';

/** Adds a command to the program. `done` takes its exit code. */
type AddCommand = (program: Command, context: Context, done: Done) => void;

/** Commands by name, in the order of the help. Each is loaded when it is asked for, as that takes long. */
const commands: Readonly<Record<string, () => Promise<AddCommand>>> = {
  serve: async () => (await import('./serve.js')).addServe,
  import: async () => (await import('./import.js')).addImport,
  export: async () => (await import('./export.js')).addExport,
  get: async () => (await import('./get.js')).addGet,
  list: async () => (await import('./list.js')).addList,
  tree: async () => (await import('./tree.js')).addTree,
  usage: async () => (await import('./usage.js')).addUsage,
  prompts: async () => (await import('./prompts.js')).addPrompts,
  warm: async () => (await import('./warm.js')).addWarm,
  'find-prefix': async () => (await import('./find-prefix.js')).addFindPrefix,
  search: async () => (await import('./search.js')).addSearch,
  similar: async () => (await import('./similar.js')).addSimilar,
  duplicates: async () => (await import('./duplicates.js')).addDuplicates,
  append: async () => (await import('./append.js')).addAppend,
  fork: async () => (await import('./fork.js')).addFork,
  delete: async () => (await import('./delete.js')).addDelete,
  erase: async () => (await import('./erase.js')).addErase,
  expire: async () => (await import('./expire.js')).addExpire,
  retention: async () => (await import('./retention.js')).addRetention,
  stats: async () => (await import('./stats.js')).addStats,
  health: async () => (await import('./health.js')).addHealth,
  gc: async () => (await import('./gc.js')).addGc,
  compact: async () => (await import('./compact.js')).addCompact,
  registries: async () => (await import('./registries.js')).addRegistries,
  tokenizers: async () => (await import('./tokenizers.js')).addTokenizers,
  verify: async () => (await import('./verify.js')).addVerify,
  backup: async () => (await import('./backup.js')).addBackup,
  restore: async () => (await import('./restore.js')).addRestore,
  salvage: async () => (await import('./salvage.js')).addSalvage,
  migrate: async () => (await import('./migrate.js')).addMigrate,
  copy: async () => (await import('./copy.js')).addCopy,
  inspect: async () => (await import('./inspect.js')).addInspect,
  token: async () => (await import('./token.js')).addTokens,
  vault: async () => (await import('./vault.js')).addVault,
  audit: async () => (await import('./audit.js')).addAudit,
  doctor: async () => (await import('./doctor.js')).addDoctor,
  config: async () => (await import('./config.js')).addConfig,
  completion: async () => (await import('./completion.js')).addCompletion,
  demo: async () => (await import('./demo.js')).addDemo,
  help: async () => (await import('./help.js')).addHelp,
};

/** Commands that describe all others. */
const needsAll: readonly string[] = ['help', 'completion'];

/** The option that shows help, alone or with others behind its letter. */
const asksForHelp = /^(?:-h|--help$)/;

/**
 * Adds the command that these arguments name; all of them, for help and suggestions, if they name none. The
 * version is printed without any.
 */
export async function addCommands(
  program: Command,
  argv: readonly string[],
  context: Context,
  done: Done,
): Promise<void> {
  if (argv[0] === '--version') return;
  const { kept, end } = leadingOptions(program, argv);
  const named = argv[end] ?? '';
  const isOne =
    Object.hasOwn(commands, named) &&
    !needsAll.includes(named) &&
    !kept.some((option) => asksForHelp.test(option));
  const wanted = isOne ? [commands[named]!] : Object.values(commands);
  for (const add of await Promise.all(wanted.map((load) => load()))) add(program, context, done);
}
