import type { Command } from 'commander';
import { type Conversation, isDated, printable, printableLines, shellWord } from '../../model/index.js';
import { type ServerOption, withClient, withServer } from '../connection/index.js';
import { wholeNumber } from '../options.js';
import type { Context } from '../context.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { formatTable, formatTime, plural } from '../format.js';
import { readForm, type ReadPart, type ReadRange, recordPieces } from '../jsonl/write.js';

interface Options extends ServerOption, ReadRange {
  readonly json?: true;
  readonly tokens?: true;
}

const epilogue = `
Tokens are counted over all messages. A range of messages and a range of tokens give their intersection.

Examples:
  stowken get run-1 --message-offset 200 --message-limit 10
  stowken get run-1 --json --tokens --token-offset 1000000 --token-limit 4096`;

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
    .addHelpText('after', epilogue)
    .action(async (id: string, options: Options) => {
      const { output } = context;
      context.interruption.onInterrupt(() => 'the output is incomplete');
      await withClient(options, context, async (client) => {
        const asText = options.json ? 'exact' : 'readable';
        const parts = readForm(client, id, options.tokens ? 'tokens' : asText, rangeOf(options));
        const pieces = options.json ? recordPieces(parts) : readable(parts, context.io.stdout.isTTY === true);
        for await (const piece of pieces) await output.write(piece);
      });
      done(exitCodes.done);
    });
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
  for await (const part of parts) {
    if (part.kind === 'header') {
      yield `${summary(part.conversation)}\n`;
      continue;
    }
    const { role, name, toolCallId, tokenCount, content } = part;
    const speaker = [role, name, toolCallId && `answers ${toolCallId}`]
      .filter((word) => word !== '')
      .map(printable);
    const text = typeof content === 'string' ? content : `[${content.join(', ')}]`;
    yield `\n── ${[...speaker, plural(tokenCount, 'token')].join(' · ')} ──\n`;
    yield `${terminal ? printableLines(text) : text}\n`;
  }
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
