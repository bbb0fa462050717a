import { open } from 'node:fs/promises';
import { addAbortSignal } from 'node:stream';
import type { Command } from 'commander';
import { printable } from '../../model/index.js';
import type { Context, RestoredVault } from '../context.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { formatBytes, plural } from '../format.js';
import { plainViolation, violationLine } from '../damage-report.js';
import { createVerifyProgress } from '../progress.js';
import { withVault } from '../connection/index.js';

interface Options {
  readonly data: string;
  readonly vault?: string;
  readonly allowDamage?: boolean;
  readonly json?: true;
}

const epilogue = `
Creates a new vault from a file of stowken backup; needs no server. Every record is compared with every other, and
every segment is decoded and hashed, before the vault is in its folder. A backup that is cut off or altered is
refused, and leaves nothing behind. So is a backup of a damaged vault, unless --allow-damage is given: then the
damage is reported on standard error, and the exit code is 1.

A backup has no settings of its vault (labels, lifetimes, limits, quota). Set them with stowken vault set before clients
come: until then the vault has no lifetimes, and what had outlived one can be read again.

Examples:
  stowken restore vault.backup --data ./vault
  gzip -dc vault.backup.gz | stowken restore - --data ./vault
  stowken restore team-a.backup --data ./vault --vault team-a`;

/** `stowken restore` */
export function addRestore(program: Command, context: Context, done: Done): void {
  withVault(program.command('restore'))
    .description('restore a backup to a new vault, and check all of it')
    .argument('<file>', 'the backup, or - for standard input')
    .requiredOption('--data <dir>', "the server's data folder: empty, or not there, unless --vault is given")
    .option('--allow-damage', 'restore even a damaged vault, and report its damage')
    .option('--json', 'one JSON object: the contents of the vault')
    .addHelpText('after', epilogue)
    .action(async (file: string, options: Options) => {
      const { data, json } = options;
      const restored = await restore(file, options, context);
      const { violations } = restored;
      for (const violation of violations) context.io.stderr.write(`${violationLine(violation)}\n`);
      if (json) await context.output.json(plain(data, restored));
      else await context.output.line(sentence(data, restored));
      done(violations.length > 0 ? exitCodes.failed : exitCodes.done);
    });
}

async function restore(
  file: string,
  { data, vault, allowDamage = false }: Options,
  { io, interruption, restoreVault }: Context,
): Promise<RestoredVault> {
  interruption.onInterrupt(() => 'nothing was restored');
  const source = file === '-' ? io.stdin : (await open(file)).createReadStream();
  addAbortSignal(interruption.signal, source);
  const progress = createVerifyProgress(io);
  try {
    return await restoreVault({
      data,
      vault: vault ?? (io.env['STOWKEN_VAULT'] || 'default'),
      source,
      allowDamage,
      onProgress: (done, total) => {
        interruption.signal.throwIfAborted();
        progress.at({ phase: 'checking', done, total });
      },
    });
  } finally {
    progress.stop();
    source.destroy();
  }
}

function plain(folder: string, { vaultId, stats, violations }: RestoredVault): object {
  return {
    data: folder,
    vault_id: vaultId,
    conversations: stats.conversations,
    messages: stats.messages,
    segments: stats.segments,
    tokens: stats.tokens,
    segment_bytes: stats.segmentBytes,
    registry_bytes: stats.registryBytes,
    in_use_bytes: stats.inUseBytes,
    violations: violations.map(plainViolation),
  };
}

function sentence(folder: string, { stats, violations }: RestoredVault): string {
  const { conversations, messages, segments, inUseBytes } = stats;
  const state = violations.length === 0 ? 'all whole' : plural(violations.length, 'violation');
  return (
    `restored ${plural(conversations, 'conversation')}, ${plural(messages, 'message')}, ` +
    `${plural(segments, 'segment')} to ${printable(folder)}, ${formatBytes(inUseBytes)}: ${state}`
  );
}
