import { describe, expect, it } from 'vitest';
import { jsonLines } from '../support/stowken.js';
import { importServer, lines } from './support.js';

const { run, same } = importServer();

describe('lines that come once more, and what is added to them', () => {
  it('encodes the same text once more if its special tokens are asked for later', async () => {
    const line = { id: 's', model: 'gpt-4o', messages: [{ role: 'user', content: 'a<|endoftext|>b' }] };
    const tokens = async () =>
      jsonLines((await run(['export', '--tokens'])).stdout).map(
        (each) => (each as { messages: { tokens: number[] }[] }).messages[0]!.tokens,
      );
    const special = [[64, 199999, 65]];
    await run(['import', '-'], lines([line]));
    expect(await tokens()).not.toEqual(special);
    const [asked] = jsonLines(
      (await run(['import', '--special-tokens', '--json', '-'], lines([line]))).stdout,
    );
    expect(asked).toMatchObject({ stored: 1, unchanged: 0 });
    expect(await tokens()).toEqual(special);
    // Without the option nothing is asked for, unless the line is to replace what is stored.
    const [kept] = jsonLines((await run(['import', '--json', '-'], lines([line]))).stdout);
    expect(kept).toMatchObject({ stored: 0, unchanged: 1 });
    expect(await tokens()).toEqual(special);
    await run(['import', '--on-conflict', 'replace', '-'], lines([line]));
    expect(await tokens()).not.toEqual(special);
    await run(['delete', '--all']);
  });

  it('gives back what is said of a conversation by the line that was imported last', async () => {
    const messages = [{ role: 'user', content: 'x' }];
    const more = [...messages, { role: 'assistant', content: 'y' }];
    await run(['import', '-'], lines([{ id: 'm', model: 'gpt-4o', metadata: { a: '1' }, messages }]));
    const last = { id: 'm', model: 'gpt-4o-mini', metadata: { a: '2' }, messages: more };
    await run(['import', '-'], lines([last]));
    expect(await same()).toEqual([last]);
    await run(['delete', '--all']);
  });

  it('appends what came since to a known id, and keeps the newest document', async () => {
    const history = ['a', 'b', 'c'].map((content) => ({ role: 'user', content }));
    const grown = [1, 2, 3].map((count) => ({ id: 't', turns: count, messages: history.slice(0, count) }));
    const all = await run(['import', '--json', '-'], lines(grown));
    expect(jsonLines(all.stdout)[0]).toMatchObject({
      stored: 3,
      failed: 0,
      tokens: expect.any(Number) as number,
    });
    expect(await same()).toEqual([grown[2]]);
    const again = await run(['import', '--json', '-'], lines(grown));
    expect(jsonLines(again.stdout)[0]).toMatchObject({ stored: 0, unchanged: 3, failed: 0 });

    const other = lines([{ id: 't', messages: [{ role: 'user', content: 'other' }] }]);
    const refused = await run(['import', '-'], other);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(
      /CONVERSATION_EXISTS\): --on-conflict replace stores these in their place/,
    );
    expect((await run(['import', '--on-conflict', 'keep', '-'], other)).stdout).toMatch(
      /unchanged 1, failed 0/,
    );
    expect(await same()).toEqual([grown[2]]);
    expect((await run(['import', '--on-conflict', 'replace', '-'], other)).stdout).toMatch(/^stored 1 /);
    expect(await same()).toEqual(jsonLines(other));
    await run(['delete', '--all']);
  });

  it('writes all messages of forks, and of what was added to, in whatever shape they were', async () => {
    await run(['import', '-'], lines([{ id: 'p', prompt: 'Hi', completion: 'Ho', score: 1 }]));
    await run(['fork', 'p', 'f', '--messages', '1']);
    await run(['append', 'p', '-'], lines([{ role: 'user', content: 'More' }]));
    await run(['import', '-'], lines([{ id: 'q', prompt: 'Hi', completion: 'Ho', score: 1 }]));
    const { code, stdout, stderr } = await run(['export', '--format', 'same']);
    expect(code).toBe(0);
    expect(stderr.split('\n')).toEqual([
      expect.stringMatching(/^[fp]: it has not the messages of the line/),
      expect.stringMatching(/^[fp]: it has not the messages of the line/),
      '',
    ]);
    const [user, assistant] = [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Ho' },
    ];
    const all = jsonLines(stdout);
    expect(all).toHaveLength(3);
    expect(all).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ id: 'p', messages: [user, assistant, { role: 'user', content: 'More' }] }),
        expect.objectContaining({ id: 'f', messages: [user] }),
        { id: 'q', prompt: 'Hi', completion: 'Ho', score: 1 },
      ]),
    );
    await run(['delete', '--all']);
  });

  it('writes what was added to a room whose texts are in parts', async () => {
    const text = ['See ', { type: 'link', text: 'it' }];
    const room = { id: 9, name: 'r', messages: [{ id: 1, type: 'message', date: 'd', from: 'Ann', text }] };
    await run(['import', '-'], lines([room]));
    expect(await same()).toEqual([room]);
    await run(['append', '9', '-'], lines([{ role: 'user', content: 'More' }]));
    const { stdout } = await run(['export', '--format', 'same']);
    expect(jsonLines(stdout)).toMatchObject([{ messages: [{ content: 'See it' }, { content: 'More' }] }]);
    await run(['delete', '--all']);
  });
});
