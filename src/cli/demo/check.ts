import { createHash } from 'node:crypto';
import type { Stats, StowkenClient } from '../../client/index.js';
import { CommandFailure } from '../context.js';
import { formatBytes, formatCount, formatShare } from '../format.js';
import { formatTable } from '../table.js';
import type { Io } from '../io.js';
import type { Output } from '../output.js';
import type { DemoConversation } from './conversations.js';

export interface ReadBack {
  readonly id: string;
  /** Tokens by message. */
  readonly tokens: readonly Uint32Array[];
}

/** Streams conversations back as token ids. */
export async function readBack(client: StowkenClient, ids: readonly string[]): Promise<ReadBack[]> {
  return Promise.all(
    ids.map(async (id) => {
      const tokens: Uint32Array[] = [];
      for await (const part of client.read(id, { encoding: 'tokens' })) {
        if (part.kind === 'message') tokens.push(part.content);
      }
      return { id, tokens };
    }),
  );
}

/**
 * Hashes every token read back and compares with the hashes of the stored segments. Resolves to their number.
 */
export async function checkTokens(client: StowkenClient, { id, tokens }: ReadBack): Promise<number> {
  const { messages } = await client.get(id, { includeMessages: true });
  same(id, 'messages', tokens.length, messages.length);
  for (const [index, { tokenCount, segments }] of messages.entries()) {
    const ids = tokens[index]!;
    same(id, `tokens of message ${index}`, ids.length, tokenCount);
    let from = 0;
    for (const segment of segments) {
      const part = ids.subarray(from, (from += segment.tokenCount));
      const hash = createHash('sha256').update(new DataView(part.buffer, part.byteOffset, part.byteLength));
      same(id, `hash in message ${index}`, hash.digest('hex'), segment.hash);
    }
    same(id, `segments of message ${index}`, from, ids.length);
  }
  return tokens.reduce((sum, { length }) => sum + length, 0);
}

/** Reads a conversation as text and compares it with the text sent. */
export async function checkText(client: StowkenClient, sent: DemoConversation): Promise<void> {
  let index = 0;
  for await (const part of client.read(sent.id, { encoding: 'text' })) {
    if (part.kind === 'header') continue;
    same(sent.id, `text of message ${index}`, part.content, sent.messages[index]?.content);
    index++;
  }
  same(sent.id, 'messages', index, sent.messages.length);
}

/** Stores the tokens read back under another id: not one segment may be new. */
export async function checkSameSegments(client: StowkenClient, { id, tokens }: ReadBack): Promise<void> {
  const messages = tokens.map((ids) => ({ role: 'any', tokens: ids }));
  const { newSegments } = await client.store({ conversation: { id: `${id}/again` }, messages });
  same(id, 'new segments from its own tokens', newSegments, 0);
}

function same(id: string, what: string, found: unknown, expected: unknown): void {
  if (found === expected) return;
  throw new CommandFailure(`${id}: ${what}: ${String(found)} came back, ${String(expected)} was stored`);
}

/** Prints the demo's lines. */
export class Report {
  constructor(
    private readonly output: Output,
    private readonly terminal: boolean,
  ) {}

  static on(output: Output, { stdout }: Io): Report {
    return new Report(output, stdout.isTTY === true);
  }

  title(text: string): Promise<void> {
    return this.output.line(`\n${this.bold(text)}\n`);
  }

  step(name: string, text: string): Promise<void> {
    return this.output.line(`  ${name.padEnd(11)}${text}`);
  }

  /** Prints the vault's size beside the size of the same conversations elsewhere. */
  async costs(stats: Stats, jsonBytes: number): Promise<void> {
    const { rawBytes, segmentBytes, inUseBytes } = stats;
    const rows = [
      ['as JSON text', jsonBytes],
      ['4 bytes a token', rawBytes],
      ['segments as stored', segmentBytes],
      ['all pages in use', inUseBytes],
    ] as const;
    const cells = rows.map(([name, bytes]) => [
      `  ${name}`,
      formatBytes(bytes),
      formatShare(bytes, rawBytes),
      this.bar(bytes / Math.max(...rows.map(([, size]) => size))),
    ]);
    await this.title('What it takes');
    await this.output.line(formatTable(cells, ['left', 'right', 'right', 'left']));
    const { tokens, uniqueTokens } = stats;
    const shared = formatShare(tokens - uniqueTokens, tokens);
    await this.output.line(
      `\n  ${this.bold(shared)} of ${formatCount(tokens)} tokens were stored already: ${formatCount(uniqueTokens)} are kept.`,
    );
  }

  async commands(lines: readonly string[]): Promise<void> {
    await this.title('Go on with');
    for (const line of lines) await this.output.line(`  ${line}`);
  }

  private bar(share: number): string {
    return '█'.repeat(Math.max(1, Math.round(share * 30)));
  }

  private bold(text: string): string {
    return this.terminal ? `\x1b[1m${text}\x1b[0m` : text;
  }
}
