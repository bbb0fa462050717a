import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../src/client/index.js';
import type { RunningServer } from '../../src/cli/index.js';
import { startTestServer } from './support/start-server.js';
import { jsonLines, stowkenAt } from './support/stowken.js';

let server: RunningServer;
let stowken: ReturnType<typeof stowkenAt>;

beforeAll(async () => {
  server = await startTestServer();
  stowken = stowkenAt(server.address);
});
afterAll(() => server.stop());

const line = (value: object) => `${JSON.stringify(value)}\n`;
const done = (stdout: string) => ({ code: 0, stdout, stderr: '' });

async function store(id: string, application = ''): Promise<void> {
  const messages = [
    { role: 'user', content: 'One two three.' },
    { role: 'assistant', content: 'Four.' },
  ];
  const { code } = await stowken(['import', '-'], line({ id, application, messages }));
  expect(code).toBe(0);
}

describe('stowken append', () => {
  it('adds messages of lines, which get shows', async () => {
    await store('a');
    const lines = [line({ role: 'user', content: 'Five?' }), '\n', line({ role: 'tool', tokens: [1, 2] })];
    const added = await stowken(['append', 'a', '-'], lines.join(''));
    expect(added).toEqual(done('a: 4 messages, 10 tokens, revision 2\n'));
    const shown = await stowken(['get', 'a', '--message-offset', '2', '--message-limit', '1']);
    expect(shown.stdout).toContain('Five?');
    expect(shown.stdout).not.toContain('Four.');
    const [record] = jsonLines(
      (await stowken(['get', 'a', '--json', '--message-offset', '3', '--tokens'])).stdout,
    );
    expect(record).toMatchObject({ id: 'a', messages: [{ role: 'tool', tokens: [1, 2] }] });
  });

  it('adds all or nothing, once for a request id, to the revision it names', async () => {
    await store('b');
    const bad = await stowken(['append', 'b', '-'], `${line({ role: 'user', content: 'x' })}{"role":1}\n`);
    expect(bad).toMatchObject({ code: 1, stdout: '' });
    expect(bad.stderr).toContain('<stdin>:2: ');
    expect(bad.stderr).toContain('nothing was added');
    expect((await stowken(['append', 'b', '-'])).stderr).toContain('no messages');
    const turn = line({ role: 'user', tokens: [7] });
    const once = ['append', 'b', '-', '--request-id', 'turn', '--if-revision', '1'];
    const first = await stowken(once, turn);
    expect(first.code).toBe(0);
    expect(await stowken(once, turn)).toEqual(first);
    expect((await stowken(['append', 'b', '-'], line({ role: 'user', content: 'x' }))).code).toBe(0);
    const late = await stowken(['append', 'b', '-', '--if-revision', '1'], turn);
    expect(late).toMatchObject({ code: 1, stdout: '' });
    expect(late.stderr).toContain('REVISION_MISMATCH');
  });
});

describe('stowken get', () => {
  it('gives ranges of tokens, and says where a range is past the end', async () => {
    await store('c');
    const whole = jsonLines((await stowken(['get', 'c', '--json', '--tokens'])).stdout)[0] as {
      messages: { tokens: number[] }[];
    };
    const all = whole.messages.flatMap(({ tokens }) => tokens);
    const range = ['--token-offset', '2', '--token-limit', '3'];
    const [part] = jsonLines((await stowken(['get', 'c', '--json', '--tokens', ...range])).stdout);
    expect((part as typeof whole).messages.flatMap(({ tokens }) => tokens)).toEqual(all.slice(2, 5));
    const past = await stowken(['get', 'c', '--token-offset', '99']);
    expect(past).toMatchObject({ code: 1, stdout: '' });
    expect(past.stderr).toContain('RANGE_PAST_END');
    const { code, stdout } = await stowken(['get', 'c', '--message-offset', '1', '--token-limit', '1']);
    expect([code, stdout.split('\n').slice(-3)]).toEqual([0, ['', 'no message is in this range', '']]);
    expect((await stowken(['get', 'c', '--message-limit', '0'])).code).toBe(2);
  });
});

describe('stowken fork', () => {
  it('makes a conversation of the first messages', async () => {
    await store('d');
    expect(await stowken(['fork', 'd', 'd2', '--messages', '1'])).toEqual(
      done('d2: forked from d; 1 message, 4 tokens\n'),
    );
    const made = await stowken(['fork', 'd']);
    expect(made.stdout).toMatch(/^[0-9a-f-]{36}: forked from d; 2 messages, 6 tokens\n$/);
    const past = await stowken(['fork', 'd', 'd3', '--messages', '3']);
    expect(past).toMatchObject({ code: 1, stdout: '' });
  });
});

describe('stowken delete', () => {
  it('deletes what flags choose, after a look at how many that are', async () => {
    for (const id of ['e1', 'e2']) await store(id, 'gone');
    await store('e3', 'kept');
    const chosen = ['delete', '--application', 'gone'];
    expect(await stowken([...chosen, '--dry-run'])).toEqual(done('would delete 2 conversations\n'));
    const deleted = await stowken(chosen);
    expect(deleted.stdout).toMatch(
      /^deleted 2 conversations; released 6 segments, 0 segments now garbage\n$/,
    );
    expect((await stowken(['delete', 'e1', 'e3', '--dry-run'])).stdout).toBe(
      'would delete 1 conversation; 1 id not there\n',
    );
    expect((await stowken(['list', '--application', 'kept'])).stdout).toContain('e3');
  });

  it('wants exactly one way to choose, and everything only on request', async () => {
    expect((await stowken(['delete'])).code).toBe(2);
    expect((await stowken(['delete', 'x', '--application', 'gone'])).code).toBe(2);
    expect((await stowken(['delete', '--all', '--application', 'gone'])).code).toBe(2);
    expect((await stowken(['delete', '--all', '--dry-run'])).stdout).toMatch(
      /^would delete \d+ conversations\n$/,
    );
    expect((await stowken(['delete', '--all'])).code).toBe(0);
    expect((await stowken(['list'])).stdout).not.toContain('e3');
  });
});

describe('stowken import', () => {
  it('sends a conversation of more messages than a request takes in parts', async () => {
    const messages = Array.from({ length: 100_001 }, (_, index) => ({ role: 'user', tokens: [index % 50] }));
    const imported = await stowken(['import', '-'], line({ id: 'long', messages }));
    expect(imported.code).toBe(0);
    const client = connect({ server: server.address });
    expect((await client.get('long')).conversation.messageCount).toBe(messages.length);
    client.close();
  });
});
