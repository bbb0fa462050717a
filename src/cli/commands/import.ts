import type { Command } from 'commander';
import { type ServerOption, withClient, withServer } from '../connection/index.js';
import { wholeNumber } from '../options.js';
import type { Context } from '../context.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { plural } from '../format.js';
import { createProgress, Failures, Tally } from '../import/summary.js';
import { ImportRun } from '../import/run.js';
import { sizeOf, standardInput } from '../jsonl/read-lines.js';

interface Options extends ServerOption {
  readonly concurrency: number;
  readonly tokenizer: string;
  readonly application: string;
  readonly ignoreUnknown?: true;
  readonly errorsMax: number;
  readonly json?: true;
}

const epilogue = `
Each line is a JSON object with "messages", and optionally "id", "application", "model", "tokenizer",
"parent_id", "expire_time" and "metadata" (an object of strings). A message has "role", optionally "name" and
"tool_call_id", and either "content" (text, null or a list of text parts, which become one text) or
"tokens" (token ids). tool_calls, function_call, refusal and reasoning_content are kept with the content,
and export returns them unchanged. A line that would lose any other field is refused. Text of a line
without "tokenizer" is encoded with that of its model (stowken tokenizers).

Gzip is recognised by its first bytes. A line that fails is reported as file:line: reason; the others are
stored, and the exit code is 1. After --errors-max such lines, failures are only counted, by their reason. The same
content under the same id again is counted as unchanged. Ctrl-C stops the import and reports what was stored.

Examples:
  stowken import conversations.jsonl.gz
  zcat logs/*.gz | stowken import --application agents --ignore-unknown -`;

/** `stowken import` */
export function addImport(program: Command, context: Context, done: Done): void {
  withServer(program.command('import'))
    .description('store conversations from files of JSON lines, plain or gzip')
    .argument('<file...>', 'files; - is standard input')
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
    .option('--ignore-unknown', 'leave out fields that cannot be stored')
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

async function importFiles(files: readonly string[], options: Options, context: Context): Promise<Tally> {
  const { io, interruption } = context;
  const tally = new Tally(new Failures(options.errorsMax, (line) => progress.note(line)), options.tokenizer);
  interruption.onInterrupt(() => interrupted(tally));
  const sizes = await Promise.all(files.map(sizeOf));
  const total = files.includes(standardInput) ? 0 : sizes.reduce((sum, size) => sum + size, 0);
  const progress = createProgress(io, total, tally);
  try {
    await withClient(options, context, async (client) => {
      const runOptions = { ...options, ignoreUnknown: options.ignoreUnknown === true };
      await new ImportRun(client, runOptions, tally, progress, io, interruption.signal).files(files);
    });
  } finally {
    progress.stop();
  }
  const rest = tally.failures.rest();
  if (rest !== undefined) io.stderr.write(`${rest}\n`);
  return tally;
}

function interrupted({ cancelled, stored, unchanged }: Tally): string {
  const underWay =
    cancelled > 0 ? `; ${plural(cancelled, 'store')} under way ended, and may be stored or not` : '';
  const again = 'import again for the rest: a conversation with an id is not stored twice';
  return `${plural(stored + unchanged, 'conversation')} stored${underWay}; ${again}`;
}
