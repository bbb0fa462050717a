import { createInterface } from 'node:readline/promises';
import { Option, type Command } from 'commander';
import type { VaultInfo, VaultSettings } from '../../client/index.js';
import { CommandFailure, type Context, UsageError } from '../context.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { type ServerOption, withClient, withServer } from '../connection/index.js';
import { bounds, keptLabels, lifetimes } from '../lifetimes.js';
import { byteSize, duration, filled, wholeNumber } from '../options.js';
import { plainVault, sinceWhen, underWay, vaultTable } from '../vault-report.js';

interface Options extends ServerOption {
  readonly json?: true;
}

interface SettingOptions extends Options {
  readonly prefixIndex?: 'on' | 'off' | 'server';
  readonly autoCompact?: 'on' | 'off' | 'server';
  readonly quota?: number | 'server';
  readonly labels?: readonly string[];
  readonly lifetime?: number;
  readonly lifetimeOf?: VaultSettings['lifetimes'];
  readonly keepWhere?: VaultSettings['keep'];
  readonly maxConversations?: number;
  readonly maxContent?: number;
  readonly keepUsage?: number;
}

const createdHelp = `
CREATED is a dash for "default": it is there from the start, and no time of its creation is kept.`;

const epilogue = `
A vault shares nothing with others: no segment, no index, no id. Every other command takes --vault NAME.

Examples:
  stowken vault create team-a --quota 50GiB
  stowken import runs.jsonl --vault team-a
  stowken vault list`;

const createExamples = `
Examples:
  stowken vault create team-a
  stowken vault create team-b --quota 50GiB --lifetime 90d`;

const setExamples = `
Examples:
  stowken vault set default --labels user,session
  stowken vault set team-a --lifetime 90d --lifetime-of application=agents:30d --keep-where tag=golden
  stowken vault set team-a --quota 0`;

/** `stowken vault create|list|show|set|delete` */
export function addVault(program: Command, context: Context, done: Done): void {
  const vault = program
    .command('vault')
    .description('create, list, change and delete vaults')
    .addHelpText('after', epilogue);
  addCreate(vault, context, done);
  addList(vault, context, done);
  addShow(vault, context, done);
  addSet(vault, context, done);
  addDelete(vault, context, done);
}

function addCreate(vault: Command, context: Context, done: Done): void {
  withSettings(withServer(vault.command('create')))
    .argument('<name>', '1 to 63 characters of a-z, 0-9, "-" and "_"', filled)
    .description('create an empty vault')
    .option('--json', 'one JSON object')
    .addHelpText('after', createExamples)
    .action(async (name: string, options: SettingOptions) => {
      const { settings } = changes(options);
      const made = await withClient(options, context, ({ admin }) => admin.createVault(name, { settings }));
      await printOne(made, options, context, `created ${made.name}`);
      done(exitCodes.done);
    });
}

function addList(vault: Command, context: Context, done: Done): void {
  withServer(vault.command('list'))
    .description('list the vaults by name')
    .option('--json', 'one JSON object per line')
    .addHelpText('after', createdHelp)
    .action(async (options: Options) => {
      const { output } = context;
      await withClient(options, context, async ({ admin }) => {
        const vaults: VaultInfo[] = [];
        for await (const each of admin.listVaults()) {
          if (options.json) await output.json(plainVault(each));
          else vaults.push(each);
        }
        if (!options.json) await output.line(vaultTable(vaults));
      });
      done(exitCodes.done);
    });
}

function addShow(vault: Command, context: Context, done: Done): void {
  withServer(vault.command('show'))
    .argument('<name>', 'the vault', filled)
    .description('show a vault, its settings and the work under way on it')
    .option('--json', 'one JSON object')
    .action(async (name: string, options: Options) => {
      const found = await withClient(options, context, ({ admin }) => admin.getVault(name));
      const lines = [vaultTable([found]), ...bounds(found.settings), ...underWay(found)];
      await printOne(found, options, context, lines.join('\n'));
      done(exitCodes.done);
    });
}

function addSet(vault: Command, context: Context, done: Done): void {
  withSettings(withServer(vault.command('set')))
    .argument('<name>', 'the vault', filled)
    .description('change settings of a vault; the others stay')
    .option('--json', 'one JSON object')
    .addHelpText('after', setExamples)
    .action(async (name: string, options: SettingOptions) => {
      const { settings, reset } = changes(options);
      if (Object.keys(settings).length + reset.length === 0)
        throw new UsageError('name a setting: --quota, --labels, --lifetime or another that --help lists');
      const now = await withClient(options, context, ({ admin }) =>
        admin.updateVault(name, { settings, reset }),
      );
      const lines = [vaultTable([now]), ...bounds(now.settings), ...sinceWhen(settings)];
      await printOne(now, options, context, lines.join('\n'));
      done(exitCodes.done);
    });
}

function addDelete(vault: Command, context: Context, done: Done): void {
  withServer(vault.command('delete'))
    .argument('<name>', 'the vault', filled)
    .description('delete a vault with everything in it; on a terminal, asks for its name again')
    .option('--confirm <name>', 'the name again: nothing is asked')
    .option('--json', 'one JSON object')
    .action(async (name: string, options: Options & { readonly confirm?: string }) => {
      await confirm(name, options.confirm, context);
      await withClient(options, context, ({ admin }) => admin.deleteVault(name));
      if (options.json) await context.output.json({ deleted: name });
      else await context.output.line(`deleted ${name}`);
      done(exitCodes.done);
    });
}

/** A script has named the vault; a person may have chosen the wrong line of a shell's history. */
async function confirm(name: string, given: string | undefined, { io }: Context): Promise<void> {
  let again = given;
  const isTerminal = (io.stdin as { readonly isTTY?: boolean }).isTTY === true && io.stderr.isTTY === true;
  if (again === undefined && isTerminal) {
    const prompt = createInterface({ input: io.stdin, output: io.stderr });
    again = await prompt.question(`Everything in ${name} will be deleted. Its name again: `);
    prompt.close();
  }
  if (again !== undefined && again !== name)
    throw new CommandFailure('that is another name: nothing was deleted');
}

function withSettings(command: Command): Command {
  const choices = ['on', 'off', 'server'];
  return command
    .option('--quota <size>', 'limit of the bytes in use: 50GiB; 0 for none', byteSize)
    .option('--labels <keys>', 'metadata keys to list and count usage by: user,session; "" for none', keys)
    .option('--lifetime <age>', 'how long conversations are kept: 90d; 0 for ever', duration)
    .option(
      '--lifetime-of <what:age>',
      'of a label or application: user=7:30d, application=agents:30d; may be repeated; "" for none',
      lifetimes,
    )
    .option('--keep-where <key=value>', 'keep these for ever; may be repeated; "" for none', keptLabels)
    .option('--max-conversations <count>', 'above it, the oldest are deleted; 0 for no limit', wholeNumber(0))
    .option('--max-content <size>', 'above it, the oldest are deleted: 10GiB; 0 for no limit', byteSize)
    .option('--keep-usage <age>', 'how long usage is counted: 400d; 0 for ever', duration)
    .addOption(
      new Option('--prefix-index <on|off|server>', 'index conversations for find-prefix').choices(choices),
    )
    .addOption(
      new Option(
        '--auto-compact <on|off|server>',
        'compact automatically; server: as the server was started',
      ).choices(choices),
    );
}

/** Splits keys at commas; an empty text has none. */
function keys(text: string): string[] {
  return text === '' ? [] : text.split(',').map((key) => filled(key.trim()));
}

function changes(options: SettingOptions): {
  settings: VaultSettings;
  reset: (keyof VaultSettings)[];
} {
  const { prefixIndex, autoCompact, quota, labels } = options;
  const { lifetime, lifetimeOf, keepWhere, maxConversations, maxContent, keepUsage } = options;
  return {
    settings: {
      ...(lifetime !== undefined && { lifetimeMs: lifetime }),
      ...(lifetimeOf !== undefined && { lifetimes: lifetimeOf }),
      ...(keepWhere !== undefined && { keep: keepWhere }),
      ...(maxConversations !== undefined && { conversationsMax: maxConversations }),
      ...(maxContent !== undefined && { contentBytesMax: maxContent }),
      ...(keepUsage !== undefined && { keepUsageMs: keepUsage }),
      ...(prefixIndex !== undefined && prefixIndex !== 'server' && { prefixIndex: prefixIndex === 'on' }),
      ...(autoCompact !== undefined && autoCompact !== 'server' && { autoCompact: autoCompact === 'on' }),
      ...(labels !== undefined && { labels }),
      ...(typeof quota === 'number' && { quotaBytes: quota }),
    },
    reset: [
      ...(prefixIndex === 'server' ? ['prefixIndex' as const] : []),
      ...(autoCompact === 'server' ? ['autoCompact' as const] : []),
    ],
  };
}

async function printOne(
  vault: VaultInfo,
  { json }: Options,
  { output }: Context,
  text: string,
): Promise<void> {
  if (json) await output.json(plainVault(vault));
  else await output.line(text);
}
