import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SeenContents } from '../../src/cli/export/duplicates.js';
import { partName, placeOf } from '../../src/cli/export/partition.js';
import { ExportBench, idsIn } from './support/export-bench.js';
import { empty, large, tokenConversations, wide } from './support/export-samples.js';

let bench: ExportBench;
const exported = (...args: string[]) => bench.exported(...args);

beforeAll(async () => {
  bench = await ExportBench.start();
  for (const conversation of [...tokenConversations, empty]) await bench.store(conversation, 'small');
  for (const conversation of [...tokenConversations, large, empty]) {
    await bench.store({ ...conversation, id: `w ${conversation.id}` }, 'wide');
  }
});
afterAll(() => bench.stop());

describe('partition and duplicates', () => {
  it('puts each conversation into one part, by its id alone', async () => {
    const out = await exported(
      '--format',
      'npy',
      '--application',
      'wide',
      '--shards',
      '2',
      '--split',
      'train=3,test=1',
    );
    const partition = {
      splits: [
        { name: 'train', share: 0.75 },
        { name: 'test', share: 0.25 },
      ],
      shards: 2,
    };
    const all = wide.map(({ id }) => id);
    const names = [
      'train-00000-of-00002',
      'train-00001-of-00002',
      'test-00000-of-00002',
      'test-00001-of-00002',
    ];
    for (const name of names) {
      const expected = all.filter((id) => partName(placeOf(id, partition), partition) === name);
      expect(idsIn(join(out, `${name}.ids.jsonl`)).filter((id) => all.includes(id as string))).toEqual(
        expected,
      );
    }
    const ids = Array.from({ length: 4000 }, (_, at) => String(at));
    const inTest = ids.filter((id) => placeOf(id, partition).split === 'test').length;
    expect(inTest).toBeGreaterThan(850);
    expect(inTest).toBeLessThan(1150);
    const sameSplit = ids.every(
      (id) => placeOf(id, partition).split === placeOf(id, { ...partition, shards: 5 }).split,
    );
    expect(sameSplit).toBe(true);
  });

  it('drops equal samples', async () => {
    const flags = ['--format', 'npy', '--application', 'small', '--loss-roles', 'assistant'];
    const twice = [...tokenConversations.slice(0, 2)];
    for (const stored of twice) await bench.store({ ...stored, id: `copy of ${stored.id}` }, 'small');
    const out = await exported(...flags, '--dedupe');
    expect(idsIn(join(out, 'data.ids.jsonl'))).toEqual(tokenConversations.map(({ id }) => id));
    for (const { id } of twice) await bench.client.delete(`copy of ${id}`);
  });

  it('drops near-duplicates of older conversations', async () => {
    const store = (id: string, from: number, changed: number) => {
      const tokens = Array.from({ length: 400 }, (_, at) => (at < changed ? 90_000 + at : from + at));
      return bench.store({ id, messages: [{ role: 'user', tokens }] }, 'near');
    };
    await store('first', 1000, 0);
    await store('other', 5000, 0);
    await store('nearly the first', 1000, 4);
    await store('half of the first', 1000, 200);
    await store('other again', 5000, 0);
    const flags = ['--format', 'npy', '--application', 'near'];
    const idsOf = async (...more: string[]) =>
      idsIn(join(await exported(...flags, ...more), 'data.ids.jsonl'));
    expect(await idsOf('--dedupe-near', '0.9')).toEqual(['first', 'other', 'half of the first']);
    expect(await idsOf('--dedupe-near', '1')).toEqual([
      ...['first', 'other', 'nearly the first', 'half of the first'],
    ]);
    // Those that the filter does not select are no originals.
    expect(await idsOf('--dedupe-near', '0.9', '--id-prefix', 'nearly')).toEqual(['nearly the first']);
  });

  it('remembers contents beyond the growth of its table', () => {
    const seen = new SeenContents();
    const texts = Array.from({ length: 5000 }, (_, at) => `text ${at}`);
    expect(texts.every((text) => seen.add(text))).toBe(true);
    expect(texts.some((text) => seen.add(text))).toBe(false);
  });
});
