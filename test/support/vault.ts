import { expect } from 'vitest';
import { createLiveCodec, type LiveCodec } from '../../src/codec/index.js';
import { loadCore, type TokenCore } from '../../src/core/index.js';
import type { ConversationSpec } from '../../src/model/index.js';
import { createMemoryBackend, type StorageBackend } from '../../src/storage/index.js';
import type { TokenizerPool } from '../../src/text/index.js';
import {
  createVault,
  type MessageContent,
  type NewMessage,
  type RetrievePart,
  type SearchThreads,
  type Vault,
} from '../../src/vault/index.js';
import { sharedSearchThreads, sharedTokenizers } from './threads.js';

export interface TestVault {
  readonly vault: Vault;
  readonly backend: StorageBackend;
  readonly core: TokenCore;
  readonly codec: LiveCodec;
  readonly tokenizers: TokenizerPool;
  readonly searchThreads: SearchThreads;
  /** Milliseconds since 1970; set by the test. */
  readonly clock: { nowMs: number };
  /** Checks every invariant, then closes everything. */
  close(): Promise<void>;
}

/** The real vault over the memory backend, or over the one given. */
export async function openTestVault(
  open: (codec: LiveCodec, clock: () => number) => Promise<StorageBackend> = async (codec, clock) =>
    createMemoryBackend({ codec, clock }),
): Promise<TestVault> {
  const core = await loadCore();
  const codec = createLiveCodec(core);
  const tokenizers = sharedTokenizers();
  const time = { nowMs: 1_700_000_000_000 };
  const clock = () => time.nowMs;
  const backend = await open(codec, clock);
  const searchThreads = sharedSearchThreads();
  const vault = createVault({
    name: 'default',
    ...{ backend, core, codec, tokenizers, searchThreads, clock },
  });
  return {
    vault,
    backend,
    core,
    codec,
    tokenizers,
    searchThreads,
    clock: time,
    async close() {
      expect(await backend.check()).toEqual([]);
      await backend.close();
    },
  };
}

export function spec(id: string, fields: Partial<ConversationSpec> = {}): ConversationSpec {
  return {
    id,
    application: 'test',
    model: 'gpt-4o',
    tokenizer: 'o200k_base',
    parentId: '',
    expireTimeMs: undefined,
    metadata: {},
    ...fields,
  };
}

export function wordsOf(tokens: readonly number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(tokens).buffer);
}

/** Returns a message of tokens, of text, of any content, or of none. */
export function say(role: string, content?: readonly number[] | string | MessageContent): NewMessage {
  return { role, name: '', toolCallId: '', content: toContent(content) };
}

function toContent(content: readonly number[] | string | MessageContent | undefined): MessageContent {
  if (content === undefined) return { kind: 'none' };
  if (typeof content === 'string') return { kind: 'text', utf8: Buffer.from(content) };
  if ('kind' in content) return content;
  return { kind: 'le32', bytes: wordsOf(content) };
}

export const signal = new AbortController().signal;

export async function collectAll<T>(parts: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const part of parts) all.push(part);
  return all;
}

/** Yields the parts of a retrieve, out of their batches. */
export async function* partsOf(
  batches: AsyncIterable<Iterable<RetrievePart>>,
): AsyncGenerator<RetrievePart, void, void> {
  for await (const batch of batches) yield* batch;
}
