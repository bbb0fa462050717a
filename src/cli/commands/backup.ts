import type { Command } from 'commander';
import type { StowkenClient } from '../../client/index.js';
import { checkReplaceable, writeWhole } from '../backup/file.js';
import { createBackupProgress } from '../backup/progress.js';
import type { Context } from '../context.js';
import { exitCodes, type Done } from '../exit-codes.js';
import { formatBytes } from '../format.js';
import { Output } from '../output.js';
import { withClient, withServer, type ServerOption } from '../server-option.js';

interface Options extends ServerOption {
  readonly force?: true;
  readonly json?: true;
}

const standardOutput = '-';

const epilogue = `
Copies one state of the vault from a running server, which goes on serving: everything that was stored before, and
of what is stored meanwhile each conversation wholly or not at all. FILE is written as FILE.partial, and gets its
name when it is whole and on the disk; - is standard output. Only a backup that is restored gives the space back
to the file system that gc and compact free inside a vault's file.

Examples:
  stowken backup vault.backup
  stowken backup - | gzip > vault.backup.gz
  stowken backup - | ssh other stowken restore - --data ./vault`;

/** `stowken backup` */
export function addBackup(program: Command, context: Context, done: Done): void {
  withServer(program.command('backup'), context)
    .description('copy the whole vault to a file, while the server serves')
    .argument('<file>', 'the backup to write, or - for standard output')
    .option('--force', 'replace the file if it is there')
    .option('--json', 'one JSON object: the file and its bytes')
    .addHelpText('after', epilogue)
    .action(async (file: string, options: Options) => {
      if (file !== standardOutput) await checkReplaceable(file, options.force === true);
      const bytes = await withClient(options, (client) => interruptible(client, file, context));
      const summary = options.json ? JSON.stringify({ file, bytes }) : sentence(file, bytes);
      const { stdout, stderr } = context.io;
      await new Output(file === standardOutput ? stderr : stdout).line(summary);
      done(exitCodes.done);
    });
}

/** A signal ends the call, so that neither the server nor this process leaves anything half-made. */
async function interruptible(client: StowkenClient, file: string, context: Context): Promise<number> {
  const abort = new AbortController();
  const stop = () => abort.abort();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    return await backUp(client, file, context, abort.signal);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

/** Resolves to the bytes written. */
async function backUp(
  client: StowkenClient,
  file: string,
  { io }: Context,
  signal: AbortSignal,
): Promise<number> {
  const { inUseBytes } = await client.stats({ signal });
  const progress = createBackupProgress(io, inUseBytes);
  let bytes = 0;
  async function* counted() {
    for await (const chunk of client.backup({ signal })) {
      yield chunk;
      bytes += chunk.length;
      progress.at(bytes);
    }
  }
  try {
    if (file === standardOutput) {
      const output = new Output(io.stdout);
      for await (const chunk of counted()) await output.write(chunk);
      await output.finish();
    } else {
      await writeWhole(file, counted());
    }
  } finally {
    progress.stop();
  }
  return bytes;
}

function sentence(file: string, bytes: number): string {
  return `backed up ${formatBytes(bytes)} to ${file === standardOutput ? 'standard output' : file}`;
}
