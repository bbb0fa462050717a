import type { Command } from 'commander';
import type { PrefixContent } from '../../client/index.js';
import { limits, printable, shellWord } from '../../model/index.js';
import { type ServerOption, withClient, withServer } from '../connection/index.js';
import { wholeNumber } from '../options.js';
import { CommandFailure, type Context } from '../context.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { formatCount } from '../format.js';
import { formatTable } from '../table.js';
import { readSource, standardInput } from '../jsonl/read-lines.js';

interface Options extends ServerOption {
  readonly tokens?: true;
  readonly tokenizer: string;
  readonly application?: string;
  readonly minTokens?: number;
  readonly limit?: number;
  readonly json?: true;
}

const blockTokens = limits.prefixBlockTokens;

/** Limit of the input: above the size that a server accepts as one request. */
const inputBytesMax = 256 * 1024 * 1024;

const epilogue = `
Compares with whole conversations: the tokens of their messages, one after the other. Prefixes are indexed in blocks
of ${blockTokens} tokens, so fewer than ${blockTokens} shared tokens are never found. A shorter text or list of tokens finds nothing.

Examples:
  stowken find-prefix system-prompt.txt
  echo '[9906, 11, 220]' | stowken find-prefix --tokens - --min-tokens 1024`;

const limitHelp = `at most n conversations, 1 to ${limits.prefixMatchesMax} (default: ${limits.prefixMatchesDefault})`;

/** `stowken find-prefix` */
export function addFindPrefix(program: Command, context: Context, done: Done): void {
  withServer(program.command('find-prefix'))
    .description('list the conversations that share the longest prefix with a text, or with tokens')
    .argument('<file>', 'file with the text, plain or gzip; - is standard input')
    .option('--tokens', 'the file has token ids, as a JSON array or separated by blanks')
    .option('--tokenizer <name>', 'tokenizer of the text', 'o200k_base')
    .option('--application <name>', 'only conversations of this application')
    .option('--min-tokens <n>', 'only conversations that share at least n tokens', wholeNumber(0))
    .option('--limit <n>', limitHelp, wholeNumber(1, limits.prefixMatchesMax))
    .option('--json', 'one JSON object per line')
    .addHelpText('after', epilogue)
    .action(async (file: string, { tokens, tokenizer, json, ...options }: Options) => {
      const text = await readText(file, context);
      const content: PrefixContent = tokens ? { tokens: tokenIds(text, file) } : { text };
      const { application, minTokens, limit } = options;
      const given = {
        ...(!tokens && { tokenizer }),
        ...(application !== undefined && { application }),
        ...(minTokens !== undefined && { minTokens }),
        ...(limit !== undefined && { limit }),
      };
      const found = await withClient(options, context, (client) => client.findPrefix(content, given));
      const { output } = context;
      if (json) {
        for (const { conversation, sharedTokens } of found) {
          const { id, totalTokens } = conversation;
          await output.json({ id, shared_tokens: sharedTokens, total_tokens: totalTokens });
        }
      } else if (found.length === 0)
        await output.line(`no conversations (fewer than ${blockTokens} shared tokens are never found)`);
      else {
        const rows = found.map(({ conversation: { id, totalTokens }, sharedTokens }) => [
          shellWord(id),
          formatCount(sharedTokens),
          formatCount(totalTokens),
        ]);
        await output.line(formatTable([['ID', 'SHARED', 'TOKENS'], ...rows], ['left', 'right', 'right']));
      }
      done(exitCodes.done);
    });
}

async function readText(file: string, { io, interruption }: Context): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of readSource(file, io, interruption.signal)) {
    bytes += chunk.length;
    if (bytes > inputBytesMax) throw new CommandFailure(`${named(file)}: longer than ${inputBytesMax} bytes`);
    chunks.push(chunk);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new CommandFailure(`${named(file)}: not UTF-8`);
  }
}

function tokenIds(text: string, file: string): number[] {
  const words = text
    .trim()
    .replace(/^\[|\]$/g, '')
    .split(/[\s,]+/);
  return words
    .filter((word) => word !== '')
    .map((word) => {
      const id = Number(word);
      if (/^\d+$/.test(word) && id <= 0xffff_ffff) return id;
      throw new CommandFailure(`${named(file)}: ${printable(JSON.stringify(word))} is not a token id`);
    });
}

function named(file: string): string {
  return file === standardInput ? '<stdin>' : printable(file);
}
