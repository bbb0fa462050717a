import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningServer } from '../../src/cli/index.js';
import { connect } from '../../src/client/index.js';
import { startTestServer } from './support/start-server.js';
import { jsonLines, stowkenAt } from './support/stowken.js';

let server: RunningServer;
let stowken: ReturnType<typeof stowkenAt>;

const ids = Array.from({ length: 600 }, (_, index) => index * 3);
const text = 'Answer in one sentence, and cite the paragraph that you used. '.repeat(50);

beforeAll(async () => {
  server = await startTestServer();
  stowken = stowkenAt(server.address);
  const client = connect({ server: server.address });
  await client.store({
    conversation: { id: 'tokens', application: 'a' },
    messages: [{ role: 'user', tokens: ids }],
  });
  const conversation = { id: 'text', tokenizer: 'o200k_base' };
  await client.store({ conversation, messages: [{ role: 'system', text }] });
  await client.fork('tokens', { newId: 'fork' });
  await client.append('fork', [{ role: 'user', tokens: [1, 2, 3] }]);
  client.close();
});
afterAll(() => server.stop());

describe('stowken find-prefix', () => {
  it('lists what shares the most tokens, as a table or as lines', async () => {
    const query = JSON.stringify([...ids, 1, 2, 9]);
    const table = await stowken(['find-prefix', '--tokens', '-', '--limit', '1'], query);
    expect(table).toEqual({ code: 0, stdout: 'ID    SHARED  TOKENS\nfork     602     603\n', stderr: '' });
    const lines = await stowken(['find-prefix', '--tokens', '-', '--json'], ids.join(' '));
    expect(new Set(jsonLines(lines.stdout).map(({ id }) => id))).toEqual(new Set(['fork', 'tokens']));
    expect(jsonLines(lines.stdout)[0]).toMatchObject({ shared_tokens: 600 });
  });

  it('takes text, and says when nothing is found', async () => {
    expect((await stowken(['find-prefix', '-'], text)).stdout).toMatch(/^text +\d+ +\d+$/m);
    const none = ['find-prefix', '-', '--application', 'a'];
    expect((await stowken(none, text)).stdout).toMatch(
      /^no conversations \(fewer than 256 shared tokens are never found\)\n$/,
    );
    const more = ['find-prefix', '--tokens', '-', '--min-tokens', '700'];
    expect((await stowken(more, ids.join(','))).stdout).toMatch(
      /^no conversations \(fewer than 256 shared tokens are never found\)\n$/,
    );
  });

  it('names what is no token id, and what is no UTF-8', async () => {
    const wrong = await stowken(['find-prefix', '--tokens', '-'], '[1, -2]');
    expect(wrong).toMatchObject({ code: 1, stderr: 'stowken: <stdin>: "-2" is not a token id\n' });
    const noText = await stowken(['find-prefix', '-'], Buffer.from([0x61, 0xff]));
    expect(noText).toMatchObject({ code: 1, stderr: 'stowken: <stdin>: not UTF-8\n' });
  });
});
