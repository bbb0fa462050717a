import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunningServer } from '../../src/cli/index.js';
import { startTestServer } from './support/start-server.js';
import { jsonLines, stowkenAt, type CliResult } from './support/stowken.js';

let server: RunningServer;
let run: (args: readonly string[], stdin?: string) => Promise<CliResult>;

beforeAll(async () => {
  server = await startTestServer();
  run = stowkenAt(server.address);
  const lines = Array.from({ length: 12 }, (_, at) =>
    JSON.stringify({
      id: `c${at}`,
      application: at % 2 ? 'odd' : 'even',
      model: 'gpt-4o',
      metadata: { user: String(at % 4), ...(at > 8 && { session: 's' }) },
      messages: [{ role: 'user', content: `Text ${at}` }],
    }),
  );
  await run(['import', '--concurrency', '1', '-'], lines.join('\n'));
});
afterAll(() => server.stop());

const listed = async (...args: string[]) => {
  const { code, stdout, stderr } = await run(['list', '--json', ...args]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return jsonLines(stdout).map((each) => (each as { id: string }).id);
};

it('lists by labels, of one of some values or of none of them', async () => {
  expect(await listed('--label', 'user=1')).toEqual(['c9', 'c5', 'c1']);
  expect(await listed('--label', 'user=1', '--label', 'user=2', '--label', 'session=s')).toEqual([
    'c10',
    'c9',
  ]);
  expect(await listed('--not-label', 'user=1', '--not-application', 'even', '--oldest-first')).toEqual([
    ...['c3', 'c7', 'c11'],
  ]);
});

it('lists by tokenizers and forks, and by neither', async () => {
  await run(['fork', 'c0', 'f0']);
  expect(await listed('--parent', 'c0')).toEqual(['f0']);
  expect(await listed('--not-parent', 'c0', '--limit', '2')).toEqual(['c11', 'c10']);
  expect(await listed('--not-tokenizer', 'o200k_base')).toEqual([]);
  expect(await listed('--not-tokenizer', 'x', '--not-tokenizer', 'y', '--all')).toHaveLength(13);
  await run(['delete', 'f0']);
});

it('counts what a filter finds, and lists by the time of the last change', async () => {
  expect((await run(['list', '--count', '--label', 'user=3'])).stdout).toBe('3 conversations\n');
  expect((await run(['list', '--count'])).stdout).toBe('12 conversations\n');
  await run(['append', 'c4', '-'], JSON.stringify({ role: 'user', content: 'more' }));
  expect((await listed('--by-update', '--limit', '2'))[0]).toBe('c4');
  expect((await listed('--by-update', '--oldest-first')).at(-1)).toBe('c4');
});
