import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { connect, type StowkenClient } from '../src/client/index.js';
import { loadCorpus } from './lib/corpus.js';
import { generatedCorpus } from './lib/generated.js';
import { startProcess } from './lib/processes.js';
import { median, printTable, short } from './lib/table.js';

const { resolve } = createRequire(import.meta.url);
const command = resolve('#build/programs/main.js');
const formats = ['megatron', 'arrow'];
const tokensEach = 100_000;
const runs = 5;
/** No conversation has an id that begins so: an export of it is what the command costs by itself. */
const nothing = 'no id begins so';

/**
 * Measures exports to files: from a server in a process of its own, by the command in another one. Without a
 * corpus, conversations are long ones.
 */
export async function run(argv: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      tokens: { type: 'string', default: '40000000' },
      corpus: { type: 'string', multiple: true, default: [] as string[] },
    },
    strict: false,
  });
  const files = [...(values.corpus as string[]), ...positionals];
  if (files.length === 0) {
    const title = `conversations of ${short(tokensEach)} tokens`;
    await measure(title, (client) => fill(client, Number(values.tokens)));
  }
  for (const file of files) await measure(file, (client) => fillFrom(client, file));
}

interface Cost {
  readonly seconds: number;
  readonly serverSeconds: number;
  readonly commandSeconds: number;
}

/** Fills a vault, compacts it, and prints what its exports cost. */
async function measure(name: string, fillVault: (client: StowkenClient) => Promise<number>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'stowken-bench-'));
  const served = ['serve', '--data', join(folder, 'data'), '--listen', '127.0.0.1:0', '--log-level', 'error'];
  const server = await startProcess(command, served);
  const client = connect({ server: server.address });
  const exported = async (format: string, ...filter: string[]): Promise<Cost> => {
    const out = join(folder, format);
    const before = { server: server.cpuSeconds(), command: childSeconds(), ms: performance.now() };
    const args = ['export', '--server', server.address, '--format', format, '--out', out, ...filter];
    await promisify(execFile)(process.execPath, [command, ...args]);
    rmSync(out, { recursive: true });
    return {
      seconds: (performance.now() - before.ms) / 1000,
      serverSeconds: server.cpuSeconds() - before.server,
      commandSeconds: childSeconds() - before.command,
    };
  };
  try {
    const tokens = await fillVault(client);
    const costs = formats.map((): Cost[] => []);
    const starts = formats.map((): Cost[] => []);
    for (const format of formats) await exported(format); // For the compiler.
    for (let run = 0; run < runs; run++) {
      for (const [at, format] of formats.entries()) {
        starts[at]!.push(await exported(format, '--id-prefix', nothing));
        costs[at]!.push(await exported(format));
      }
    }
    const rows = formats.map((format, at) => {
      const rate = (cost: (each: Cost) => number, from = 0) =>
        `${short(tokens / Math.max(0.01, median(costs[at]!.map(cost)) - from))} tokens/s`;
      const start = median(starts[at]!.map(({ commandSeconds }) => commandSeconds));
      return [
        format,
        rate(({ seconds }) => seconds),
        rate(({ serverSeconds }) => serverSeconds),
        rate(({ commandSeconds }) => commandSeconds, start),
        `${start.toFixed(2)} s`,
      ];
    });
    printTable(
      `exports of ${short(tokens)} tokens: ${name}; medians of ${runs} runs`,
      ['format', 'in all', 'a CPU second of the server', 'and of the command', 'whose start takes'],
      rows,
    );
  } finally {
    client.close();
    await server.stop();
    rmSync(folder, { recursive: true });
  }
}

/** Returns the processor time of the child processes that have ended. Requires /proc. */
function childSeconds(): number {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(13, 15);
  return (Number(user) + Number(system)) / 100;
}

/** Stores a corpus. Returns the number of its tokens. */
async function fillFrom(client: StowkenClient, file: string): Promise<number> {
  const { conversations } = await loadCorpus(file);
  let tokens = 0;
  for (const { id, application, model, tokenizer, messages } of conversations) {
    await client.store({
      conversation: { id, application, model, tokenizer },
      messages: messages.map(({ role, words }) => ({ role, tokensLe32: words })),
    });
    for (const { words } of messages) tokens += words.length / 4;
  }
  for await (const part of client.compactSubstrings({})) void part;
  return tokens;
}

/** Stores conversations of made-up agents, joined to long ones whose messages all differ. */
async function fill(client: StowkenClient, tokensMax: number): Promise<number> {
  const { conversations } = await generatedCorpus();
  const all = conversations.flatMap(({ messages }) => messages.map(({ words }) => words));
  let stored = 0;
  for (let number = 0; stored < tokensMax; number++) {
    const parts: Uint32Array[] = [];
    let tokens = 0;
    for (let at = number * 31; tokens < tokensEach; at++) {
      const bytes = all[at % all.length]!;
      const words = new Uint32Array(bytes.slice().buffer);
      // A token of its own: no other conversation has this message.
      const own = Uint32Array.of(number, ...words);
      parts.push(own);
      tokens += own.length;
    }
    // Messages of 4,000 tokens and more, as documents and long answers have them.
    const messages: { role: string; tokens: Uint32Array }[] = [];
    for (let from = 0; from < parts.length;) {
      const group: number[] = [];
      while (from < parts.length && group.length < 4000) group.push(...parts[from++]!);
      messages.push({
        role: messages.length % 2 === 0 ? 'user' : 'assistant',
        tokens: Uint32Array.from(group),
      });
    }
    await client.store({ conversation: { id: `long/${number}`, tokenizer: 'o200k_base' }, messages });
    stored += tokens;
  }
  return stored;
}
