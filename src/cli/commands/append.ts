import type { Command } from 'commander';
import type { NewMessage } from '../../client/index.js';
import { wholeNumber } from '../arguments.js';
import { CommandFailure, type Context } from '../context.js';
import { exitCodes, type Done } from '../exit-codes.js';
import { plural, printable } from '../format.js';
import { splitLines } from '../jsonl/lines.js';
import { BadLine, parseMessage } from '../jsonl/record.js';
import { readSource, standardInput } from '../jsonl/source.js';
import { toMessage } from '../jsonl/to-store.js';
import { Output } from '../output.js';
import { withClient, withServer, type ServerOption } from '../server-option.js';

interface Options extends ServerOption {
  readonly ifRevision?: number;
  readonly requestId?: string;
  readonly ignoreUnknown?: true;
}

/** A line's limit: above what a server takes as one request. */
const lineBytesMax = 128 * 1024 * 1024;

const epilogue = `
Each line is a message as those of an imported conversation are: {"role","name"?,"tool_call_id"?,"content"},
or with "tokens" in place of content. All are added in one step, or none. Text is encoded with the
conversation's tokenizer.

Examples:
  echo '{"role":"user","content":"And then?"}' | stowken append run-1 -
  stowken append run-1 turn.jsonl --if-revision 7 --request-id run-1/turn-8`;

/** `stowken append` */
export function addAppend(program: Command, context: Context, done: Done): void {
  withServer(program.command('append'), context)
    .description('add messages to the end of a conversation')
    .argument('<id>', 'the conversation')
    .argument('<file>', 'JSON lines, gzip or not; - is standard input')
    .option('--if-revision <n>', 'only to this revision', wholeNumber(0))
    .option('--request-id <text>', 'the same request under the same id within a day is made once')
    .option('--ignore-unknown', 'leave out fields that cannot be stored')
    .addHelpText('after', epilogue)
    .action(async (id: string, file: string, options: Options) => {
      const messages = await readMessages(file, options.ignoreUnknown === true, context);
      const { ifRevision, requestId } = options;
      const given = {
        ...(ifRevision !== undefined && { ifRevision }),
        ...(requestId !== undefined && { requestId }),
      };
      const { conversation } = await withClient(options, (client) => client.append(id, messages, given));
      const { messageCount, totalTokens, revision } = conversation;
      const now = `${plural(messageCount, 'message')}, ${plural(totalTokens, 'token')}, revision ${revision}`;
      await new Output(context.io.stdout).line(`${printable(id)}: ${now}`);
      done(exitCodes.done);
    });
}

async function readMessages(file: string, ignoreUnknown: boolean, { io }: Context): Promise<NewMessage[]> {
  const messages: NewMessage[] = [];
  const name = file === standardInput ? '<stdin>' : printable(file);
  for await (const { number, bytes } of splitLines(
    readSource(file, io, () => undefined),
    lineBytesMax,
  )) {
    try {
      if (bytes === undefined) throw new BadLine(`the line is longer than ${lineBytesMax} bytes`);
      const record = parseMessage(bytes, ignoreUnknown);
      if (record !== undefined) messages.push(toMessage(record, messages.length));
    } catch (error) {
      if (!(error instanceof BadLine)) throw error;
      throw new CommandFailure(`${name}:${number}: ${printable(error.message)}; nothing was added`);
    }
  }
  if (messages.length === 0) throw new CommandFailure(`${name}: no messages`);
  return messages;
}
