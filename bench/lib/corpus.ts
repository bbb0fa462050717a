import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { readStoreRequests } from '../../src/cli/import/to-store.js';
import type { NewMessage, StoreRequest } from '../../src/client/index.js';
import { createTokenizers, type Tokenizers } from '../../src/text/index.js';

export interface BenchMessage {
  readonly role: string;
  readonly name: string;
  readonly toolCallId: string;
  /** Tokens as le32. */
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

const tokenizer = 'o200k_base';
const tokenizerThreads = 2;

/** Returns the named files, or those in a folder beside the project if there is one. */
export function corpusFiles(named: readonly string[]): string[] {
  if (named.length > 0) return [...named];
  const folder = join('..', 'shared', 'corpora');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.jsonl.gz'))
    .map((name) => join(folder, name));
}

/** Reads a file as `stowken import` does, and encodes texts. @throws BadLine */
export async function loadCorpus(file: string): Promise<Corpus> {
  const name = basename(file).replace(/\.jsonl(\.gz)?$/, '');
  const requests: StoreRequest[] = [];
  for await (const each of readStoreRequests(file, { application: name, tokenizer }, process)) {
    requests.push(each);
  }
  return encodeCorpus(name, requests);
}

export async function encodeCorpus(name: string, requests: readonly StoreRequest[]): Promise<Corpus> {
  const tokenizers = createTokenizers({ threadsMax: tokenizerThreads });
  try {
    return { name, conversations: await Promise.all(requests.map((each) => encoded(tokenizers, each))) };
  } finally {
    await tokenizers.close();
  }
}

async function encoded(
  tokenizers: Tokenizers,
  { conversation = {}, messages }: StoreRequest,
): Promise<BenchConversation> {
  const { id = '', application = '', model = '', tokenizer = '' } = conversation;
  const texts = messages.flatMap(({ text }) => (text === undefined ? [] : Buffer.from(text)));
  const words =
    texts.length > 0 ? (await tokenizers.encode(tokenizer, texts, new AbortController().signal)).le32 : [];
  let next = 0;
  const wordsOf = ({ text, tokens = [] }: NewMessage) =>
    text === undefined ? new Uint8Array(Uint32Array.from(tokens).buffer) : words[next++]!;
  return {
    id,
    application,
    model,
    tokenizer,
    messages: messages.map((message) => ({
      role: message.role,
      name: message.name ?? '',
      toolCallId: message.toolCallId ?? '',
      words: wordsOf(message),
    })),
  };
}

export function tokenCount(conversations: readonly BenchConversation[]): number {
  let tokens = 0;
  for (const { messages } of conversations) for (const { words } of messages) tokens += words.length / 4;
  return tokens;
}
