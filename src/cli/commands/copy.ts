import { once } from 'node:events';
import type { Command } from 'commander';
import { printable } from '../../model/index.js';
import { type Context, type CopiedVault, type CopyPass, UsageError, type VaultPlace } from '../context.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { formatBytes, formatCount, plural } from '../format.js';
import { filled } from '../options.js';
import { createCopyProgress } from '../progress.js';

interface Options {
  readonly from: string;
  readonly to: string;
  readonly vault?: string;
  readonly toVault?: string;
  readonly verify: boolean;
  readonly json?: true;
}

const epilogue = `
Copies a vault between any two storages: lmdb:FOLDER, filesystem:FOLDER and postgres://USER:PASSWORD@HOST:PORT/DATABASE.
Conversations keep their revisions and times; segments are copied as they are, compressed. What the target has already is
not copied again, so a copy that was interrupted goes on when it is begun again. Needs no server.

The source may be served meanwhile if it is in LMDB or in a database: then passes follow each other until one finds
nothing to do. To move without losing a store: copy while the server runs, stop it (or start it with --read-only), copy
once more, which takes as long as the last changes, and start the server on the new storage. From then on the copy is a
vault of its own, and no later copy overwrites it.

Every conversation is read back and compared in the end: its fields, its messages, and the hash of each segment.
Not copied: ids of remembered requests, garbage, and usage of conversations that are gone. A database needs its tables
first: stowken migrate.

Exit codes: 0 the copy is complete, 1 it is not, or an error was reported on standard error, 2 wrong usage.

Examples:
  stowken copy --from lmdb:./vault --to postgres://stowken@db.internal/stowken
  stowken copy --from postgres://stowken@db.internal/stowken --to lmdb:./back --vault team-a
  stowken copy --from filesystem:./old --to lmdb:./vault --json`;

/** `stowken copy` */
export function addCopy(program: Command, context: Context, done: Done): void {
  program
    .command('copy')
    .description('copy a vault to another storage, and compare both')
    .requiredOption('--from <place>', 'lmdb:FOLDER, filesystem:FOLDER or postgres://...', filled)
    .requiredOption('--to <place>', 'the same; the vault is new there, or a copy that goes on', filled)
    .option('--vault <name>', 'the vault; else $STOWKEN_VAULT, else the default one', filled)
    .option('--to-vault <name>', 'its name in the target, if it is another', filled)
    .option('--no-verify', 'do not read everything back in the end')
    .option('--json', 'one JSON object: what each pass did')
    .addHelpText('after', epilogue)
    .action(async (options: Options) => {
      const { io, interruption, output, copyVault } = context;
      const vault = options.vault ?? (io.env['STOWKEN_VAULT'] || 'default');
      const from = placeOf('--from', options.from, vault);
      const to = placeOf('--to', options.to, options.toVault ?? vault);
      if (from.at === to.at && from.vault === to.vault)
        throw new UsageError('--from and --to name the same vault');
      interruption.onInterrupt(() => 'begin the copy again to go on with it');
      const progress = createCopyProgress(io);
      const interrupted = once(interruption.signal, 'abort').then((): never => {
        throw new Error('interrupted');
      });
      const copying = copyVault({
        ...{ from, to, compares: options.verify, signal: interruption.signal },
        onProgress: (step) => {
          progress.at(step);
        },
      });
      // A database that does not answer is not waited for: what was committed is whole.
      const copied = await Promise.race([copying, interrupted]).finally(() => {
        progress.stop();
      });
      const faults = [...(copied.passes.at(-1)?.faults ?? []), ...(copied.differences ?? [])];
      for (const { id, detail } of faults) io.stderr.write(`${printable(id)}: ${printable(detail)}\n`);
      if (options.json) await output.json(plain(copied));
      else for (const line of sentences(copied)) await output.line(line);
      done(copied.isComplete && faults.length === 0 ? exitCodes.done : exitCodes.failed);
    });
}

function placeOf(option: string, text: string, vault: string): VaultPlace {
  if (/^postgres(ql)?:\/\//.test(text)) return { storage: 'postgres', at: text, vault };
  const [, storage, folder] = /^(lmdb|filesystem):(.+)$/.exec(text) ?? [];
  if (folder === undefined)
    throw new UsageError(
      `${option} takes lmdb:FOLDER, filesystem:FOLDER or postgres://USER@HOST:PORT/DATABASE`,
    );
  return { storage: storage as 'lmdb' | 'filesystem', at: folder, vault };
}

function plain({ passes, differences, isComplete }: CopiedVault): object {
  return {
    complete: isComplete,
    passes: passes.map(({ copied, unchanged, deleted, references, segments, frameBytes, faults }) => ({
      ...{ copied, unchanged, deleted, references, segments },
      frame_bytes: frameBytes,
      faults: faults.length,
    })),
    differences: differences?.length ?? null,
  };
}

function sentences({ passes, differences, isComplete }: CopiedVault): string[] {
  const lines = passes.map((pass, at) => `${passes.length > 1 ? `pass ${at + 1}: ` : ''}${sentenceOf(pass)}`);
  if (differences?.length === 0)
    lines.push('every conversation and its copy were compared: they are the same');
  const hasFaults = (passes.at(-1)?.faults.length ?? 0) > 0;
  if (!isComplete && hasFaults) lines.push('some conversations were not copied: see above');
  else if (!isComplete) lines.push('the source goes on changing: stop its server, and copy once more');
  return lines;
}

function sentenceOf({ copied, unchanged, deleted, references, segments, frameBytes }: CopyPass): string {
  const parts = [
    `${plural(copied, 'conversation')} copied with ${plural(segments, 'segment')} (${formatBytes(frameBytes)})`,
    `${formatCount(unchanged)} unchanged`,
  ];
  if (deleted > 0) parts.push(`${formatCount(deleted)} deleted`);
  if (references > 0) parts.push(`${plural(references, 'outside reference')} changed`);
  return parts.join(', ');
}
