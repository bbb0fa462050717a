import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { createTokenizers } from '../../src/text/index.js';

export interface BenchMessage {
  readonly role: string;
  readonly name: string;
  readonly toolCallId: string;
  /** Little-endian words. */
  readonly words: Uint8Array;
}

export interface BenchConversation {
  readonly id: string;
  readonly application: string;
  readonly model: string;
  readonly tokenizer: string;
  readonly messages: readonly BenchMessage[];
}

export interface Corpus {
  readonly name: string;
  readonly conversations: readonly BenchConversation[];
}

interface Line {
  id?: string;
  application?: string;
  model?: string;
  tokenizer?: string;
  messages: readonly { role: string; name?: string; tool_call_id?: string; content?: string | null }[];
}

/** Reads a corpus and encodes its texts. */
export async function loadCorpus(file: string): Promise<Corpus> {
  const bytes = readFileSync(file);
  const text = (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString('utf8');
  const lines = text.split('\n').filter((line) => line !== '');
  return encodeCorpus(
    basename(file).replace(/\.jsonl(\.gz)?$/, ''),
    lines.map((line) => JSON.parse(line) as Line),
  );
}

export async function encodeCorpus(name: string, lines: readonly Line[]): Promise<Corpus> {
  const tokenizers = createTokenizers({ threadsMax: 2 });
  try {
    const conversations = await Promise.all(
      lines.map(async (line, index) => {
        const tokenizer = line.tokenizer ?? 'o200k_base';
        const contents = line.messages.map(({ content }) => content ?? '');
        const words = await tokenizers.encode(tokenizer, contents, new AbortController().signal);
        return {
          id: line.id ?? `${name}/${index}`,
          application: line.application ?? name,
          model: line.model ?? '',
          tokenizer,
          messages: line.messages.map((message, i) => ({
            role: message.role,
            name: message.name ?? '',
            toolCallId: message.tool_call_id ?? '',
            words: words[i]!,
          })),
        };
      }),
    );
    return { name, conversations };
  } finally {
    await tokenizers.close();
  }
}

export function tokenCount(conversations: readonly BenchConversation[]): number {
  let tokens = 0;
  for (const { messages } of conversations) for (const { words } of messages) tokens += words.length / 4;
  return tokens;
}
