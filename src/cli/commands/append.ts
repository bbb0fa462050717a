import type { Command } from 'commander';
import { printable, shellWord } from '../../model/index.js';
import { isClientError, type NewMessage, type StowkenClient } from '../../client/index.js';
import { type ServerOption, withClient, withServer } from '../connection/index.js';
import { wholeNumber } from '../options.js';
import { CommandFailure, type Context } from '../context.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { plainStoreResult, plural } from '../format.js';
import { readSource, splitLines, standardInput } from '../jsonl/read-lines.js';
import { BadLine } from '../import/bad-line.js';
import { ChangingTokenizers } from '../import/changed-text.js';
import { parseDocument } from '../import/parse.js';
import { readMessage, type ReadMessage } from '../import/shapes/index.js';
import { toNewMessage } from '../import/to-store.js';

interface Options extends ServerOption {
  readonly ifRevision?: number;
  readonly requestId?: string;
  readonly json?: true;
}

/** Limit of a line: above the size that a server accepts as one request. */
const lineBytesMax = 128 * 1024 * 1024;

const epilogue = `
Each line is a message, as in an imported conversation: {"role","name"?,"tool_call_id"?,"content"},
or with "tokens" in place of content. Either all of them are added, in one step, or none. Text is encoded with the
conversation's tokenizer.

Examples:
  echo '{"role":"user","content":"And then?"}' | stowken append run-1 -
  stowken append run-1 turn.jsonl --if-revision 7 --request-id run-1/turn-8`;

/** `stowken append` */
export function addAppend(program: Command, context: Context, done: Done): void {
  withServer(program.command('append'))
    .description('add messages to the end of a conversation')
    .argument('<id>', 'the conversation')
    .argument('<file>', 'JSON lines, plain or gzip; - is standard input')
    .option('--if-revision <n>', 'append only to this revision', wholeNumber(0))
    .option('--request-id <text>', 'id of the request: repeated within a day, it takes effect once')
    .option('--json', 'one JSON object with the fields of AppendMessages')
    .addHelpText('after', epilogue)
    .action(async (id: string, file: string, options: Options) => {
      context.interruption.onInterrupt(() => 'nothing was added');
      const read = await readMessages(file, context);
      const { ifRevision, requestId } = options;
      const given = {
        ...(ifRevision !== undefined && { ifRevision }),
        ...(requestId !== undefined && { requestId }),
      };
      context.interruption.onInterrupt(
        () => 'the server may have added the messages, or not: stowken get shows it',
      );
      const result = await withClient(options, context, async (client) =>
        client.append(id, await toAppend(client, id, read), given),
      );
      if (options.json) await context.output.json(plainStoreResult(result));
      else {
        const { messageCount, totalTokens, revision } = result.conversation;
        const now = `${plural(messageCount, 'message')}, ${plural(totalTokens, 'token')}, revision ${revision}`;
        await context.output.line(`${shellWord(id)}: ${now}`);
      }
      done(exitCodes.done);
    });
}

/** Messages of the lines, with what import keeps of each. */
type Lines = readonly ReadMessage[];

/** Returns messages to add. Texts that the conversation's tokenizer may change are kept beside their ids. */
async function toAppend(client: StowkenClient, id: string, lines: Lines): Promise<NewMessage[]> {
  const hasText = lines.some(({ message }) => typeof message.content === 'string');
  const { tokenizerInfos } = hasText ? await client.capabilities() : {};
  // The vault may keep a tokenizer that the server has no file of.
  const tokenizer = hasText ? await tokenizerOf(client, id) : '';
  const changing = new ChangingTokenizers(tokenizerInfos);
  return lines.map(({ message: plain, skeleton }) => {
    const kept = changing.keep({ ...plain, fields: skeleton }, tokenizer);
    const { fieldsJson, ...message } = toNewMessage(kept, {});
    const isKept = skeleton !== undefined || kept.said !== undefined;
    return isKept ? { ...message, fieldsJson } : message;
  });
}

/** Returns a conversation's tokenizer; if the caller may not read it, no name: every text is kept then. */
async function tokenizerOf(client: StowkenClient, id: string): Promise<string> {
  try {
    return (await client.get(id)).conversation.tokenizer;
  } catch (error) {
    if (isClientError(error, 'PERMISSION_DENIED')) return '';
    throw error;
  }
}

async function readMessages(file: string, { io, interruption }: Context): Promise<Lines> {
  const messages: ReadMessage[] = [];
  const name = file === standardInput ? '<stdin>' : printable(file);
  for await (const { number, bytes } of splitLines(readSource(file, io, interruption.signal), lineBytesMax)) {
    try {
      if (bytes === undefined) throw new BadLine(`the line is longer than ${lineBytesMax} bytes`);
      const parsed = parseDocument({ number, bytes });
      if (parsed === undefined) continue;
      const read = readMessage(parsed.value, (kept) => kept);
      if (read === undefined) throw new BadLine('it is no message: it has no role, or says nothing');
      messages.push(read);
    } catch (error) {
      if (!(error instanceof BadLine)) throw error;
      throw new CommandFailure(`${name}:${number}: ${printable(error.message)}; nothing was added`);
    }
  }
  if (messages.length === 0) throw new CommandFailure(`${name}: no messages`);
  return messages;
}
