import { Readable } from 'node:stream';
import type { Command } from 'commander';
import { type Conversation, printable, shellWord } from '../../model/index.js';
import { isClientError, isUnreachable, type Message, type StowkenClient } from '../../client/index.js';
import { type ServerOption, withClient, withServer } from '../connection/index.js';
import { type FilterOptions, toFilter, wholeNumber, withFilter } from '../options.js';
import { type Context, UsageError } from '../context.js';
import { DamageReport } from '../damage-report.js';
import { describeError } from '../errors.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { plural } from '../format.js';
import { mapOrdered } from '../concurrency.js';
import { exportFiles, type FileOptions, wantsFiles, withFiles } from '../export/command.js';
import { formOf, isOfDocument, sameLines } from '../import/fields.js';
import type { DataOf } from '../import/shapes/index.js';
import { type ReadForm, readForm, type ReadPart, recordPieces } from '../jsonl/write.js';

interface Options extends ServerOption, FilterOptions, FileOptions {
  readonly tokens?: true;
  readonly textOnly?: true;
  readonly concurrency: number;
}

/**
 * Limit of the tokens of conversations that are read ahead together. A longer one is streamed when its turn
 * arrives.
 */
const aheadTokensMax = 4_000_000;
const pageSize = 200;

const epilogue = `
Without --format, writes one JSON object per line, oldest first, in the shape that import reads:
  {"id","application","model","tokenizer","metadata"?,"messages":[{"role","name"?,"tool_call_id"?,"content"}]}
Content is text where text encodes to the very same tokens, and else the token ids: import of a line stores what was
stored. --tokens gives token ids always. --text-only gives text even if it encodes to other tokens or has U+FFFD for
bytes that are not UTF-8; ids are left only where the server does not know the tokenizer, or one of the tokens.

With --format and --out, writes files for training or analysis to a folder, oldest conversation first and the same
bytes every time. They have their names when all of them are whole. The same command goes on with an export that was
interrupted or killed. docs/export.md has their layouts.

--format same writes the lines as import found them, with all that was in them.

Examples:
  stowken export | gzip > conversations.jsonl.gz
  stowken export --application agents --from 2026-01-31 --tokens
  stowken export --format megatron --out tokens --split train=0.98,validation=0.02
  stowken export --format openai --out chat --application agents`;

/** `stowken export` */
export function addExport(program: Command, context: Context, done: Done): void {
  withFiles(withFilter(withServer(program.command('export'))))
    .description('write conversations to standard output as JSON lines, or to files for training')
    .option('--tokens', 'token ids instead of text, in JSON lines')
    .option('--text-only', 'text also where it does not encode to the same tokens, in JSON lines')
    .option('--concurrency <n>', 'conversations to read ahead', wholeNumber(1, 256), 8)
    .addHelpText('after', epilogue)
    .action(async (options: Options) => {
      if (options.tokens && options.textOnly)
        throw new UsageError('--tokens and --text-only are two forms: choose one');
      if (wantsFiles(options)) {
        done((await exportFiles(options, context)) > 0 ? exitCodes.failed : exitCodes.done);
        return;
      }
      const failures = await withClient(options, context, (client) => exportAll(client, options, context));
      done(failures > 0 ? exitCodes.failed : exitCodes.done);
    });
}

/** Resolves to the number of conversations that could not be written whole. */
async function exportAll(
  client: StowkenClient,
  options: Options,
  { io, output, interruption }: Context,
): Promise<number> {
  const text = options.textOnly ? 'readable' : 'exact';
  const form = options.format === 'same' ? 'same' : options.tokens ? 'tokens' : text;
  const damage = new DamageReport(io.stderr);
  const listed = client.list({
    filter: toFilter(options),
    order: 'earliestStoreFirst',
    pageSize,
    onDamaged: damage.add,
  });
  const ahead = {
    countMax: options.concurrency,
    weightMax: aheadTokensMax,
    weigh: ({ totalTokens }: Conversation) => totalTokens,
  };
  let failures = 0;
  let whole = 0;
  let begun = false;
  interruption.onInterrupt(
    () =>
      `${plural(whole, 'conversation')} written${begun ? ', and one more cut off: the last line is not JSON' : ''}`,
  );
  const note = (text: string) => void io.stderr.write(`${text}\n`);
  for await (const { id, pieces } of mapOrdered(listed, ahead, (found) => begin(client, found, form, note))) {
    begun = false;
    try {
      for await (const piece of pieces) {
        await output.write(piece);
        begun = true;
      }
      whole++;
      begun = false;
    } catch (error) {
      if (interruption.signal.aborted || isUnreachable(error) || !isClientError(error)) throw error;
      if (begun) await output.write('\n'); // The next conversation starts on a line of its own.
      const deleted = isClientError(error, 'CONVERSATION_NOT_FOUND') && !begun;
      const reason = deleted ? 'deleted meanwhile, left out' : printable(describeError(error));
      io.stderr.write(`${shellWord(id)}: ${reason}\n`);
      if (!deleted) failures++;
    }
  }
  return failures + damage.count;
}

interface Begun {
  readonly id: string;
  readonly pieces: AsyncIterable<string>;
}

/** Reads a conversation into memory, unless it is a long one. */
async function begin(
  client: StowkenClient,
  found: Conversation,
  form: ReadForm | 'same',
  note: (text: string) => void,
): Promise<Begun> {
  const { id, tokenizer, totalTokens } = found;
  if (form === 'same') return { id, pieces: await collected(samePieces(client, found, note)) };
  const pieces = recordPieces(readForm(client, id, tokenizer === '' && totalTokens > 0 ? 'tokens' : form));
  return { id, pieces: totalTokens > aheadTokensMax ? pieces : await collected(pieces) };
}

/**
 * Yields the lines from which a conversation was imported; as import reads it if it was not, or has other
 * messages now.
 */
async function* samePieces(
  client: StowkenClient,
  found: Conversation,
  note: (text: string) => void,
): AsyncGenerator<string, void, void> {
  const { id, tokenizer, totalTokens } = found;
  const form = tokenizer === '' && totalTokens > 0 ? 'tokens' : 'exact';
  const parts: ReadPart[] = [];
  for await (const part of readForm(client, id, form, { includeFields: true })) parts.push(part);
  const header = parts.find((part) => part.kind === 'header');
  let messages = parts.filter((part) => part.kind === 'message');
  for (const encoding of ['tokens', 'text'] as const) {
    if (!messages.some((message) => formOf(message) === encoding)) continue;
    const others = await readMessages(client, header!.conversation, encoding);
    messages = messages.map((message, index) => (formOf(message) === encoding ? others[index]! : message));
  }
  const lines =
    header &&
    sameLines(header.conversation, messages, await attachmentsOf(client, header.conversation, messages));
  if (lines === undefined && messages.some(isOfDocument))
    note(
      `${shellWord(id)}: it has not the messages of the line that it was imported from: its other fields are left out`,
    );
  if (lines === undefined) yield* recordPieces(Readable.from(parts) as AsyncIterable<ReadPart>);
  else for (const line of lines) yield `${line}\n`;
}

/** Reads the attachments of messages, by their hashes. */
async function attachmentsOf(
  client: StowkenClient,
  { id, revision }: Conversation,
  messages: readonly (Message<'tokens'> | Message<'text'>)[],
): Promise<DataOf> {
  const data = new Map<string, Uint8Array>();
  for (const { index, attachments = [] } of messages)
    for (const [attachment, { sha256 }] of attachments.entries()) {
      if (data.has(sha256)) continue;
      const at = { message: index, attachment, ifRevision: revision };
      const pieces: Uint8Array[] = [];
      for await (const piece of client.attachment(id, at)) pieces.push(piece);
      data.set(sha256, Buffer.concat(pieces));
    }
  return data;
}

/** Returns the messages of a revision in one form. */
async function readMessages(
  client: StowkenClient,
  { id, revision }: Conversation,
  encoding: 'tokens' | 'text',
): Promise<(Message<'tokens'> | Message<'text'>)[]> {
  const messages: (Message<'tokens'> | Message<'text'>)[] = [];
  for await (const part of client.read(id, { encoding, ifRevision: revision, includeFields: true }))
    if (part.kind === 'message') messages.push(part as Message<'tokens'> | Message<'text'>);
  return messages;
}

/** Reads everything; errors are thrown by the result. */
async function collected(pieces: AsyncIterable<string>): Promise<AsyncIterable<string>> {
  const line: string[] = [];
  try {
    for await (const piece of pieces) line.push(piece);
  } catch (error) {
    return raising(error as Error);
  }
  return Readable.from([line.join('')]);
}

async function* raising(error: Error): AsyncGenerator<string, void, void> {
  throw error;
}
