import type { Command } from 'commander';
import { printable } from '../../model/index.js';
import type { StowkenClient } from '../../client/index.js';
import { checkReplaceable, createBackupProgress, writeWhole } from '../backup-file.js';
import type { Context } from '../context.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { formatBytes } from '../format.js';
import { Output } from '../output.js';
import { type ServerOption, withClient, withServer } from '../connection/index.js';

interface Options extends ServerOption {
  readonly force?: true;
  readonly json?: true;
}

const standardOutput = '-';

const epilogue = `
Copies one state of the vault from a running server, which goes on serving. The copy has everything that was stored
before; a conversation stored meanwhile is in it completely or not at all. FILE is written as FILE.partial, and gets
its name when it is complete and on the disk; - is standard output. The space that gc and compact free inside a
vault's file is returned to the file system only by a backup that is restored.

Examples:
  stowken backup vault.backup
  stowken backup - | gzip > vault.backup.gz
  stowken backup - | ssh other stowken restore - --data ./vault`;

/** `stowken backup` */
export function addBackup(program: Command, context: Context, done: Done): void {
  withServer(program.command('backup'))
    .description('copy the whole vault to a file, while the server serves')
    .argument('<file>', 'the backup to write, or - for standard output')
    .option('--force', 'replace the file if it exists')
    .option('--json', 'one JSON object: the file and its size in bytes')
    .addHelpText('after', epilogue)
    .action(async (file: string, options: Options) => {
      if (file !== standardOutput) await checkReplaceable(file, options.force === true);
      const bytes = await withClient(options, context, (client) => backUp(client, file, context));
      const output = file === standardOutput ? new Output(context.io.stderr) : context.output;
      if (options.json) await output.json({ file, bytes });
      else await output.line(sentence(file, bytes));
      done(exitCodes.done);
    });
}

/** Resolves to the bytes written. */
async function backUp(
  client: StowkenClient,
  file: string,
  { io, output, interruption }: Context,
): Promise<number> {
  let bytes = 0;
  interruption.onInterrupt(() =>
    file === standardOutput
      ? `${formatBytes(bytes)} were written to standard output, which are not a backup`
      : `no backup was made: ${file}.partial is removed`,
  );
  const { inUseBytes } = await client.stats();
  const progress = createBackupProgress(io, inUseBytes);
  async function* counted() {
    for await (const chunk of client.backup()) {
      yield chunk;
      bytes += chunk.length;
      progress.at(bytes);
    }
  }
  try {
    if (file === standardOutput) {
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
  return `backed up ${formatBytes(bytes)} to ${file === standardOutput ? 'standard output' : printable(file)}`;
}
