import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type StowkenClient } from '../src/client/index.js';
import { startProcess } from './lib/processes.js';
import { printTable, spread } from './lib/table.js';

const { resolve } = createRequire(import.meta.url);
const command = resolve('#build/programs/main.js');
const rounds = 5;
const storesPerRound = 40;
const longTexts = 2;
/** Letters without a break: the pieces of such a text are as long as the text. */
const letters = 40_000;

/** Measures stores of one line of text from call to answer, alone and beside stores of long texts. */
export async function measureWaits(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'stowken-bench-'));
  const served = ['serve', '--data', join(folder, 'data'), '--listen', '127.0.0.1:0', '--log-level', 'error'];
  const server = await startProcess(command, served);
  const clients = Array.from({ length: 1 + longTexts }, () => connect({ server: server.address }));
  const [client, ...others] = clients as [StowkenClient, ...StowkenClient[]];
  const alone: number[] = [];
  const beside: number[] = [];
  const whole: number[] = [];
  try {
    await storeLines(client);
    await storeLong(client, 0);
    for (let round = 0; round < rounds; round++) {
      alone.push(...(await storeLines(client)));
      let isOver = false;
      let number = 1 + 1000 * round;
      const long = others.map(async (other) => {
        while (!isOver) whole.push(await storeLong(other, number++));
      });
      beside.push(...(await storeLines(client)));
      isOver = true;
      await Promise.all(long);
    }
  } finally {
    for (const each of clients) each.close();
    await server.stop();
    rmSync(folder, { recursive: true });
  }
  printTable(
    `text: stores of one line from call to answer; ${rounds} interleaved rounds of ${storesPerRound}, median (lowest to highest)`,
    ['', 'milliseconds'],
    [
      ['one line, alone', spread(alone, 'ms')],
      [`one line, beside ${longTexts} callers with ${letters} letters without a break`, spread(beside, 'ms')],
      ['each of these', spread(whole, 'ms')],
    ],
  );
}

async function storeLines(client: StowkenClient): Promise<number[]> {
  const durations: number[] = [];
  for (let at = 0; at < storesPerRound; at++)
    durations.push(await timedStore(client, `What is ${Math.random()} times ${at}?`));
  return durations;
}

function storeLong(client: StowkenClient, number: number): Promise<number> {
  const first = 0x4e00;
  const text = Array.from({ length: letters }, (_, at) =>
    String.fromCharCode(first + ((at * (number + 7919)) % 20_000)),
  );
  return timedStore(client, text.join(''));
}

async function timedStore(client: StowkenClient, content: string): Promise<number> {
  const begunMs = performance.now();
  await client.store({
    conversation: { tokenizer: 'o200k_base' },
    messages: [{ role: 'user', text: content }],
  });
  return performance.now() - begunMs;
}
