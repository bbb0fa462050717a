import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  entryNameForm,
  entryNamePattern,
  isRight,
  isVaultPattern,
  loadTokenFile,
  type Right,
  rights,
  type TokenEntry,
  vaultPatternForm,
} from '../../identity/index.js';
import { CommandFailure, type Context } from '../context.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { formatTime } from '../format.js';
import { formatTable } from '../table.js';
import { duration, filled } from '../options.js';

interface FileOption {
  readonly file: string;
}

interface CreateOptions extends FileOption {
  readonly name: string;
  readonly rights: readonly Right[];
  readonly vaults?: readonly string[];
  readonly vault?: readonly string[];
  readonly expiresIn?: number;
}

const epilogue = `
The token is printed once, alone, on standard output; the file has only its SHA-256. A server that was started with
--token-file FILE reads the file again when it changes. Rights: ${rights.join(', ')}.

Examples:
  stowken token create --file tokens.yaml --name ingest --rights write > ingest.token
  stowken token create --file tokens.yaml --name team-a --rights read,write,delete --vaults 'team-a-*,shared'
  stowken token revoke --file tokens.yaml --name ingest`;

/** `stowken token` */
export function addTokens(program: Command, context: Context, done: Done): void {
  const token = program
    .command('token')
    .description('make, list and revoke the tokens that a server takes')
    .addHelpText('after', epilogue);
  addCreate(token, context, done);
  addList(token, context, done);
  addRevoke(token, context, done);
}

function withFile(command: Command): Command {
  return command.requiredOption(
    '--file <file>',
    'the file of the server (--token-file), YAML or JSON',
    filled,
  );
}

function addCreate(token: Command, { output }: Context, done: Done): void {
  withFile(token.command('create'))
    .description('make a token, add it to the file, and print it')
    .requiredOption('--name <name>', 'name of the token, for the log and to revoke it', entryName)
    .requiredOption('--rights <list>', `what it may do: ${rights.join(',')}`, rightList)
    .option(
      '--vaults <list>',
      'the vaults that it is for: names, or team-*, with commas between (default: every vault)',
      vaultList,
    )
    // The name of former versions; everywhere else it is the vault that a command works on.
    .addOption(new Option('--vault <name>').argParser(vaultList).hideHelp())
    .option('--expires-in <time>', 'how long it is valid: 24h, 90d (default: until it is revoked)', duration)
    .action(async (options: CreateOptions) => {
      const { file, name, rights: chosen, expiresIn } = options;
      const named = [...(options.vaults ?? []), ...(options.vault ?? [])];
      const nowMs = Date.now();
      const wish = {
        name,
        grants: [{ rights: chosen, vaults: named.length > 0 ? named : ['*'] }],
        expiresMs: expiresIn === undefined ? undefined : nowMs + expiresIn,
      };
      const { addToken } = await loadTokenFile();
      await output.line(await failing(addToken(file, wish, nowMs)));
      done(exitCodes.done);
    });
}

function addList(token: Command, { output }: Context, done: Done): void {
  withFile(token.command('list'))
    .description('list the tokens of the file')
    .option('--json', 'one JSON object per line')
    .action(async ({ file, json }: FileOption & { readonly json?: true }) => {
      const { readTokenFile } = await loadTokenFile();
      const { tokens } = await failing(readTokenFile(file));
      if (json) for (const entry of tokens) await output.json(plain(entry));
      else await output.line(tokens.length === 0 ? 'no tokens' : table(tokens));
      done(exitCodes.done);
    });
}

function addRevoke(token: Command, { output }: Context, done: Done): void {
  withFile(token.command('revoke'))
    .description('remove a token from the file: servers refuse it within two seconds')
    .requiredOption('--name <name>', 'name of the token', entryName)
    .action(async ({ file, name }: FileOption & { readonly name: string }) => {
      const { removeToken } = await loadTokenFile();
      await failing(removeToken(file, name));
      await output.line(`revoked ${name}`);
      done(exitCodes.done);
    });
}

/** An error of the file is one of the command: it is printed without a stack. */
async function failing<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new CommandFailure((error as Error).message);
  }
}

function plain({ name, grants, createdMs, expiresMs }: TokenEntry): object {
  const time = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString());
  return { name, grants, created: time(createdMs), expires: time(expiresMs) };
}

function table(tokens: readonly TokenEntry[]): string {
  const heads = ['NAME', 'RIGHTS', 'VAULTS', 'CREATED', 'EXPIRES'];
  const rows = tokens.flatMap(({ name, grants, createdMs, expiresMs }) =>
    grants.map(({ rights: own, vaults: of }) => [
      name,
      own.join(','),
      of.join(' '),
      time(createdMs),
      time(expiresMs),
    ]),
  );
  return formatTable([heads, ...rows], ['left', 'left', 'left', 'left', 'left']);
}

function time(timeMs: number | undefined): string {
  return timeMs === undefined ? '' : formatTime(timeMs);
}

function entryName(text: string): string {
  if (entryNamePattern.test(text)) return text;
  throw new InvalidArgumentError(`It is ${entryNameForm}.`);
}

function rightList(text: string): Right[] {
  const words = text.split(',').map((word) => word.trim());
  if (words.every(isRight)) return [...new Set(words)];
  throw new InvalidArgumentError(`They are some of ${rights.join(', ')}, with commas between.`);
}

function vaultList(text: string, soFar: readonly string[] = []): string[] {
  const patterns = text.split(',').map((word) => word.trim());
  if (patterns.every(isVaultPattern)) return [...soFar, ...patterns];
  throw new InvalidArgumentError(`It is ${vaultPatternForm}.`);
}
