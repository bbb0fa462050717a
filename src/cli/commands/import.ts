import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { StowkenClient } from '../../client/index.js';
import { type ServerOption, withClient, withServer } from '../connection/index.js';
import { shellWord } from '../../model/index.js';
import type { Context } from '../context.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { describeFileError } from '../errors.js';
import { plural } from '../format.js';
import { Failures } from '../import/failures.js';
import { createProgress, Tally } from '../import/summary.js';
import { ImportRun } from '../import/run.js';
import { type ConflictWay, conflictWays } from '../import/conflict.js';
import { formats } from '../import/shapes/index.js';
import { filesOf } from '../import/sources/index.js';
import { sizeOf, standardInput } from '../jsonl/read-lines.js';
import { timeZone, wholeNumber } from '../options.js';

interface Options extends ServerOption {
  readonly concurrency: number;
  readonly tokenizer: string;
  readonly application: string;
  readonly format?: string;
  readonly timeZone?: string;
  readonly specialTokens?: true;
  /** Jinja; true: that of the tokenizer. */
  readonly chatTemplate?: string | true;
  readonly dryRun?: true;
  readonly onConflict: ConflictWay;
  readonly errorsMax: number;
  readonly json?: true;
}

const epilogue = `
The shape of each line is told from its content; --format names one instead:
${formats.map(({ name, title }) => `  ${name.padEnd(18)} ${title}`).join('\n')}

A file is JSON lines, a JSON array, JSON over several lines, or Parquet; plain, gzip, zstd, bzip2 or xz, which its first
bytes tell; UTF-8 or UTF-16. A folder stands for the files in it, a pattern for the files that it matches. Text of a
conversation without tokenizer is encoded with that of its model (stowken tokenizers).

A conversation whose stored messages are the beginning of its new ones gets the rest appended; with other content it is
refused. --on-conflict replaces it, keeps it, or fails instead. The same content under the same id is counted as
unchanged. A line that fails is reported as file:line: reason, the same reason only once; the others are stored, and
the exit code is 1. Ctrl-C stops the import and reports what was stored.

With --chat-template, each message gets the tokens that its model saw of it: the chat template makes one prompt of
all of them. A name behind it is that of the template: for the tokenizer's own, write it behind all files.

Examples:
  stowken import conversations.jsonl.gz
  stowken import --dry-run logs/
  zcat logs/*.gz | stowken import --application agents --format anthropic -`;

/** `stowken import` */
export function addImport(program: Command, context: Context, done: Done): void {
  withServer(program.command('import'))
    .description('store conversations from files, whatever their shape')
    .argument('<file...>', 'files, folders or patterns; - is standard input')
    .option(
      '--concurrency <n>',
      'stores under way at once; with 1, creation follows the lines',
      wholeNumber(1, 1024),
      32,
    )
    .option(
      '--tokenizer <name>',
      'tokenizer of text whose line names none, and whose model has none that is known',
      'o200k_base',
    )
    .option('--application <name>', 'application of conversations that name none', '')
    .addOption(new Option('--format <name>', 'shape of all lines').choices(formats.map(({ name }) => name)))
    .option('--special-tokens', 'text of special tokens becomes these tokens, as chat templates write them')
    .option(
      '--chat-template [file]',
      'store the tokens that models saw: messages as this template, or that of the tokenizer, renders them',
      readTemplate,
    )
    .option('--time-zone <offset>', 'zone of times that name none: Z or +02:00', timeZone)
    .addOption(
      new Option('--on-conflict <way>', 'conversation whose id is stored with other content')
        .choices(conflictWays)
        .default('append'),
    )
    .option('--dry-run', 'read everything, and store nothing')
    .option('--errors-max <n>', 'failures to show; the others are counted', wholeNumber(0), 20)
    .option('--json', 'one JSON object: counts of stored, unchanged and failed lines, with reasons')
    .addHelpText('after', epilogue)
    .action(async (files: string[], options: Options) => {
      const { output, interruption } = context;
      const tally = await importFiles(files, options, context);
      if (options.json) await output.json(tally.plain());
      else await output.line(tally.summary());
      interruption.signal.throwIfAborted();
      done(tally.failed > 0 ? exitCodes.failed : exitCodes.done);
    });
}

async function importFiles(names: readonly string[], options: Options, context: Context): Promise<Tally> {
  const { io, interruption } = context;
  const { dryRun = false, timeZone: zone, chatTemplate: template } = options;
  const chatTemplate = template === true ? undefined : template;
  const rendering = template === undefined ? undefined : { chatTemplate };
  const failures = new Failures(options.errorsMax, (line) => progress.note(line));
  const tally = new Tally(failures, options.tokenizer, dryRun);
  interruption.onInterrupt(() => interrupted(tally));
  const files = await filesOf(names);
  const sizes = await Promise.all(files.map(sizeOf));
  const total = files.includes(standardInput) ? 0 : sizes.reduce((sum, size) => sum + size, 0);
  const progress = createProgress(io, total, tally);
  const run = (client: StowkenClient | undefined) =>
    new ImportRun(client, { ...options, zone, rendering }, tally, progress, io, interruption.signal).files(
      files,
      names,
    );
  try {
    if (dryRun) await run(undefined);
    else await withClient(options, context, run);
  } finally {
    progress.stop();
  }
  const rest = tally.failures.rest();
  if (rest !== undefined) io.stderr.write(`${rest}\n`);
  return tally;
}

/**
 * Reads the template that the option names.
 * @throws InvalidArgumentError if the file is none, for example the conversations that were to be stored
 */
function readTemplate(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new InvalidArgumentError(`${describeFileError(error as Error, file) ?? (error as Error).message}.`);
  }
  const isJson = /^\s*(?:\{\s*"|\[\s*[{["])/.test(text);
  if (!isJson && /\{[{%]/.test(text)) return text;
  const own = `stowken import ${shellWord(file)} --chat-template`;
  throw new InvalidArgumentError(
    `It is no chat template. To store it as the tokenizer's own template renders it: ${own}`,
  );
}

function interrupted({ cancelled, stored, unchanged }: Tally): string {
  const underWay =
    cancelled > 0 ? `; ${plural(cancelled, 'store')} under way ended, and may be stored or not` : '';
  const again = 'import again for the rest: a conversation with an id is not stored twice';
  return `${plural(stored + unchanged, 'conversation')} stored${underWay}; ${again}`;
}
