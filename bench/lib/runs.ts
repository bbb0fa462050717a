import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { encode } from 'gpt-tokenizer/encoding/o200k_base';
import type { TokenCore } from '../../src/core/index.js';
import type { TokenRun } from '../../src/model/index.js';

/** Conversations of one file: each a list of messages. */
export interface Corpus {
  readonly name: string;
  readonly conversations: readonly (readonly TokenRun[])[];
}

/** The files that are named, or those in a folder beside the project where there is one. */
export function corpusFiles(named: readonly string[]): string[] {
  if (named.length > 0) return [...named];
  const folder = join('..', 'shared', 'corpora');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.jsonl.gz'))
    .map((name) => join(folder, name));
}

/** JSON lines of {"messages": [{"content": text}]}, gzip or not; tokenized once, then from a cache in the temporary folder. */
export function readCorpus(core: TokenCore, file: string): Corpus {
  const bytes = readFileSync(file);
  const name = basename(file).replace(/\.jsonl(\.gz)?$/, '');
  const cache = join(
    tmpdir(),
    `stowken-${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}.tokens`,
  );
  if (!existsSync(cache))
    writeFileSync(cache, tokenize(core, file.endsWith('.gz') ? gunzipSync(bytes) : bytes));
  return { name, conversations: readCache(core, readFileSync(cache)) };
}

/** By conversation: the number of messages; by message: the bytes of its varints, and those. All u32 but the last. */
function tokenize(core: TokenCore, jsonLines: Buffer): Buffer {
  const parts: Uint8Array[] = [];
  const number = (value: number) => parts.push(new Uint8Array(Uint32Array.of(value).buffer));
  for (const line of jsonLines.toString('utf8').split('\n')) {
    if (line === '') continue;
    const { messages } = JSON.parse(line) as { messages: { content: string }[] };
    number(messages.length);
    for (const { content } of messages) {
      const tokens = encode(content, { disallowedSpecial: new Set<string>() });
      const { varints } = core.fromTokens(Uint32Array.from(tokens));
      number(varints.length);
      parts.push(varints);
    }
  }
  return Buffer.concat(parts);
}

function readCache(core: TokenCore, cache: Buffer): TokenRun[][] {
  const conversations: TokenRun[][] = [];
  let at = 0;
  const number = () => {
    at += 4;
    return cache.readUInt32LE(at - 4);
  };
  while (at < cache.length) {
    const messages: TokenRun[] = [];
    for (let left = number(); left > 0; left--) {
      const length = number();
      messages.push(core.fromVarints([cache.subarray(at, at + length)]));
      at += length;
    }
    conversations.push(messages);
  }
  return conversations;
}

/** Every distinct run that is not empty and not in `seen`, which it joins. */
export function unique(core: TokenCore, runs: Iterable<TokenRun>, seen = new Set<string>()): TokenRun[] {
  const found: TokenRun[] = [];
  for (const run of runs) {
    if (run.tokenCount === 0) continue;
    const name = core.hash(run.varints);
    if (!seen.has(name)) {
      seen.add(name);
      found.push(run);
    }
  }
  return found;
}

export function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
