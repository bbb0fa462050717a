import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunningServer } from '../../src/cli/index.js';
import { startTestServer } from './support/start-server.js';
import { jsonLines, stowkenAt, type CliResult } from './support/stowken.js';

let server: RunningServer;
let run: (args: readonly string[], stdin?: string) => Promise<CliResult>;

const prompt = 'You are a kind and thorough assistant of a small shop that sells tea.';

beforeAll(async () => {
  server = await startTestServer();
  run = stowkenAt(server.address);
  const lines = Array.from({ length: 6 }, (_, at) =>
    JSON.stringify({
      id: `c${at}`,
      application: 'shop',
      model: at % 2 ? 'gpt-4o' : 'o3',
      messages: [
        { role: 'system', content: prompt },
        { role: 'user', content: `Question ${at}` },
        { role: 'assistant', content: 'Yes.' },
      ],
    }),
  );
  await run(['import', '--concurrency', '1', '-'], lines.join('\n'));
  await run(['fork', 'c1', 'f1']);
  await run(['fork', 'f1', 'f2']);
});
afterAll(() => server.stop());

it('counts by day and model, and keeps the counts of what is deleted', async () => {
  const rows = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(['usage', '--json', ...args]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return jsonLines(stdout) as Record<string, number | string>[];
  };
  const before = await rows('--by', 'day,model');
  expect(before).toHaveLength(2);
  const [four, three] = before as [Record<string, number>, Record<string, number>];
  expect(four).toMatchObject({ model: 'gpt-4o', conversations: 5, messages: 9 });
  expect(three).toMatchObject({ model: 'o3', conversations: 3, messages: 9 });
  for (const row of before as Record<string, number>[]) {
    expect(row['day']).toMatch(/^\d{4}-\d\d-\d\d$/);
    expect(row['tokens']).toBe(row['system_tokens']! + row['user_tokens']! + row['assistant_tokens']!);
    expect(row['tokens']).toBe(row['new_tokens']! + row['repeated_tokens']!);
    expect(row['repeated_tokens']).toBeGreaterThan(row['new_tokens']!);
  }
  await run(['delete', 'c0']);
  expect(await rows('--by', 'day,model')).toEqual(before);
  expect(await rows('--by', 'day', '--until', '2020-01-01')).toEqual([]);
  const [hour] = await rows('--by', 'hour', '--zone', 'Asia/Kathmandu');
  expect(hour).toMatchObject({ conversations: 8 });
  expect(hour!['hour']).toMatch(/T\d\d:00$/);
  expect(await run(['usage', '--csv', '--json'])).toMatchObject({ code: 2, stdout: '' });
  expect((await run(['usage', '--csv'])).stdout).toMatch(/^day,model,conversations,messages,tokens,/);
  expect((await run(['usage'])).stdout).toContain('█');
  expect(await run(['usage', '--zone', 'Mars/North'])).toMatchObject({ code: 1 });
});

it('lists what conversations share, and a family', async () => {
  const { stdout } = await run(['prompts', '--json']);
  const [first] = jsonLines(stdout) as Record<string, number | string>[];
  expect(first).toMatchObject({ role: 'system', text: prompt });
  expect(first!['references']).toBeGreaterThan(4);
  expect(first!['tokens_saved']).toBe((Number(first!['references']) - 1) * Number(first!['tokens']));
  expect((await run(['prompts'])).stdout).toContain('You are a kind');
  const family = jsonLines((await run(['tree', 'f1', '--json'])).stdout) as Record<string, number | string>[];
  expect(family.map(({ id, depth }) => [id, depth])).toEqual([
    ['c1', 0],
    ['f1', 1],
    ['f2', 2],
  ]);
});

it('shows the text of what is shared, wherever it is in its conversations', async () => {
  const tools = 'The tools of this shop: kettle, strainer, scales.';
  const lines = ['long', 'longer'].map((id) =>
    JSON.stringify({
      id,
      model: 'gpt-4o',
      messages: [
        { role: 'user', content: `${id} ${'tea '.repeat(1500)}` },
        { role: 'system', content: tools },
      ],
    }),
  );
  await run(['import', '-'], lines.join('\n'));
  const shared = jsonLines((await run(['prompts', '--json'])).stdout) as Record<string, string>[];
  expect(shared.map(({ text }) => text)).toContain(tools);
});
