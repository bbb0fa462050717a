import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { RenderOptions, StowkenClient } from '../../client/index.js';
import {
  type Conversation,
  isDated,
  printable,
  printableLines,
  shellWord,
  toJson,
} from '../../model/index.js';
import { type ServerOption, withClient, withServer } from '../connection/index.js';
import { wholeNumber } from '../options.js';
import { type Context, UsageError } from '../context.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { formatBytes, formatTime, plural } from '../format.js';
import { formatTable } from '../table.js';
import { readForm, type ReadPart, type ReadRange, recordPieces } from '../jsonl/write.js';

interface Options extends ServerOption, ReadRange {
  readonly json?: true;
  readonly tokens?: true;
  readonly render?: true;
  readonly addGenerationPrompt?: true;
  readonly chatTemplate?: string;
  readonly attachment?: string;
}

const epilogue = `
Tokens are counted over all messages. A range of messages and a range of tokens give their intersection.

--render shows the prompt that a model of this conversation saw: the chat template of its tokenizer makes one text
of its messages and tools, and the tokenizer its tokens, special ones included. The template is that of the folder
that serve --tokenizer was given, or the one that --chat-template names.

Examples:
  stowken get run-1 --message-offset 200 --message-limit 10
  stowken get run-1 --json --tokens --token-offset 1000000 --token-limit 4096
  stowken get run-1 --render --message-limit 3 --add-generation-prompt --tokens`;

/** `stowken get` */
export function addGet(program: Command, context: Context, done: Done): void {
  withServer(program.command('get'))
    .description('show one conversation')
    .argument('<id>', 'the conversation')
    .option('--json', 'one JSON object, as export writes it')
    .option('--tokens', 'token ids instead of text')
    .option('--message-offset <n>', 'first message, counted from 0', wholeNumber(0, 0xffff_ffff))
    .option('--message-limit <n>', 'at most n messages', wholeNumber(1, 0xffff_ffff))
    .option('--token-offset <n>', 'first token, counted from 0 over the conversation', wholeNumber(0))
    .option('--token-limit <n>', 'at most n tokens', wholeNumber(1))
    .option('--render', 'the prompt that its chat template makes of it, as it is')
    .option('--add-generation-prompt', "with --render: ends with the beginning of the model's next message")
    .option('--chat-template <file>', 'with --render: this template instead of that of the tokenizer')
    .option('--attachment <sha256>', 'the bytes of an attachment, as they are')
    .addHelpText('after', epilogue)
    .action(async (id: string, options: Options) => {
      const { output } = context;
      context.interruption.onInterrupt(() => 'the output is incomplete');
      const render = await renderOf(options);
      await withClient(options, context, async (client) => {
        if (options.attachment !== undefined) return writeAttachment(client, id, options.attachment, context);
        if (render) return output.write(await renderedBy(client, id, render, options));
        const asText = options.json ? 'exact' : 'readable';
        // The fields of a message name its attachments.
        const range = { ...rangeOf(options), includeFields: true };
        const parts = readForm(client, id, options.tokens ? 'tokens' : asText, range);
        const pieces = options.json ? recordPieces(parts) : readable(parts, context.io.stdout.isTTY === true);
        for await (const piece of pieces) await output.write(piece);
      });
      done(exitCodes.done);
    });
}

/** Writes an attachment, which the texts of messages name by its hash. */
async function writeAttachment(
  client: StowkenClient,
  id: string,
  name: string,
  { output }: Context,
): Promise<void> {
  const wanted = /^(?:(?:.*:)?sha256:)?([0-9a-f]{64})$/.exec(name)?.[1];
  if (wanted === undefined) throw new UsageError('--attachment takes a SHA-256: 64 lower-case hex digits');
  let revision: number | undefined;
  const options = { encoding: 'tokens', includeFields: true } as const;
  for await (const part of client.read(id, options)) {
    if (part.kind === 'header') ({ revision } = part.conversation);
    else {
      const attachment = part.attachments?.findIndex(({ sha256 }) => sha256 === wanted) ?? -1;
      if (attachment < 0) continue;
      const at = { message: part.index, attachment, ...(revision !== undefined && { ifRevision: revision }) };
      for await (const bytes of client.attachment(id, at)) await output.write(bytes);
      return;
    }
  }
  throw new UsageError(`${shellWord(id)} has no attachment ${wanted}`);
}

/** @throws UsageError for options of --render without it */
async function renderOf(options: Options): Promise<RenderOptions | undefined> {
  const { render, addGenerationPrompt, chatTemplate: file } = options;
  if (!render) {
    if (addGenerationPrompt || file !== undefined)
      throw new UsageError('--add-generation-prompt and --chat-template go with --render');
    return undefined;
  }
  const chatTemplate = file === undefined ? undefined : await readFile(file, 'utf8');
  return {
    ...(chatTemplate !== undefined && { chatTemplate }),
    ...(addGenerationPrompt && { addGenerationPrompt }),
  };
}

/** Returns the prompt: as it is, as a list of ids, or as JSON with either of them. */
async function renderedBy(
  client: StowkenClient,
  id: string,
  render: RenderOptions,
  options: Options,
): Promise<string> {
  const encoding = options.tokens ? 'tokens' : 'text';
  const found: Record<string, unknown> = { id };
  for await (const part of client.read(id, { encoding, render, ...rangeOf(options) })) {
    if (part.kind === 'header') continue;
    const { content } = part;
    if (typeof content === 'string') found['text'] = content;
    else found['tokens'] = [...content];
  }
  if (options.json) return `${toJson(found)}\n`;
  return options.tokens ? `${JSON.stringify(found['tokens'])}\n` : (found['text'] as string);
}

function rangeOf({ messageOffset, messageLimit, tokenOffset, tokenLimit }: Options): ReadRange {
  return {
    ...(messageOffset !== undefined && { messageOffset }),
    ...(messageLimit !== undefined && { messageLimit }),
    ...(tokenOffset !== undefined && { tokenOffset }),
    ...(tokenLimit !== undefined && { tokenLimit }),
  };
}

async function* readable(
  parts: AsyncIterable<ReadPart>,
  terminal: boolean,
): AsyncGenerator<string, void, void> {
  let isOutside = false;
  for await (const part of parts) {
    if (part.kind === 'header') {
      yield `${summary(part.conversation)}\n`;
      isOutside = part.conversation.messageCount > 0;
      continue;
    }
    isOutside = false;
    const { role, name, toolCallId, tokenCount, content, attachments } = part;
    const speaker = [role, name, toolCallId && `answers ${toolCallId}`]
      .filter((word) => word !== '')
      .map(printable);
    const text = typeof content === 'string' ? content : `[${content.join(', ')}]`;
    yield `\n── ${[...speaker, plural(tokenCount, 'token')].join(' · ')} ──\n`;
    yield `${terminal ? printableLines(text) : text}\n`;
    for (const { sha256, sizeBytes } of attachments ?? [])
      yield `[attachment of ${formatBytes(sizeBytes)}: ${sha256}]\n`;
  }
  if (isOutside) yield '\nno message is in this range\n';
}

function summary(conversation: Conversation): string {
  const { id, application, model, tokenizer, parentId, metadata, createTimeMs, expireTimeMs } = conversation;
  const rows = [
    ['id', shellWord(id)],
    ['application', application],
    ['model', model],
    ['tokenizer', tokenizer],
    ['forked from', parentId === '' ? '' : shellWord(parentId)],
    ['created', formatTime(createTimeMs)],
    ['stored', isDated(conversation) ? formatTime(conversation.storeTimeMs) : ''],
    ['expires', expireTimeMs === undefined ? '' : formatTime(expireTimeMs)],
    ['revision', String(conversation.revision)],
    [
      'holds',
      `${plural(conversation.messageCount, 'message')}, ${plural(conversation.totalTokens, 'token')}`,
    ],
    ...Object.entries(metadata).map(([key, value]) => ['metadata', `${key} = ${value}`]),
  ];
  const known = rows.filter(([, value]) => value !== '').map((row) => row.map(printable));
  return formatTable(known, ['left', 'left']);
}
