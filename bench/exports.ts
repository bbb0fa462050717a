import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { connect, type StowkenClient } from '../src/client/index.js';
import { generatedCorpus } from './lib/generated.js';
import { startProcess } from './lib/processes.js';
import { median, printTable, short } from './lib/table.js';

const { resolve } = createRequire(import.meta.url);
const command = resolve('#build/src/main.js');
const formats = ['megatron', 'arrow'];
const tokensEach = 100_000;
const runs = 3;

/** Measures exports to files: from a server in a process of its own, by the command in another one. */
export async function run(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...argv],
    options: { tokens: { type: 'string', default: '40000000' } },
    strict: false,
  });
  const folder = mkdtempSync(join(tmpdir(), 'stowken-bench-'));
  const served = ['serve', '--data', join(folder, 'data'), '--listen', '127.0.0.1:0', '--log-level', 'error'];
  const server = await startProcess(command, served);
  const client = connect({ server: server.address });
  try {
    const tokens = await fill(client, Number(values.tokens));
    const rows: string[][] = [];
    for (const format of formats) {
      const rates: number[] = [];
      let serverSeconds = 0;
      for (let at = 0; at < runs; at++) {
        const out = join(folder, `${format}-${at}`);
        const before = server.cpuSeconds();
        const begun = performance.now();
        const args = ['export', '--server', server.address, '--format', format, '--out', out];
        await promisify(execFile)(process.execPath, [command, ...args]);
        rates.push(tokens / ((performance.now() - begun) / 1000));
        serverSeconds += server.cpuSeconds() - before;
        rmSync(out, { recursive: true });
      }
      const ofServer = `${short((runs * tokens) / serverSeconds)} tokens/s`;
      rows.push([
        format,
        `${short(median(rates))} tokens/s`,
        `${short(Math.max(...rates))} tokens/s`,
        ofServer,
      ]);
    }
    printTable(
      `exports of ${short(tokens)} tokens in conversations of ${short(tokensEach)}; ${runs} runs`,
      ['format', 'median', 'best', 'a CPU second of the server'],
      rows,
    );
  } finally {
    client.close();
    await server.stop();
    rmSync(folder, { recursive: true });
  }
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
