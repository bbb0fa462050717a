import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ExportFolder } from '../../src/cli/export/folder.js';
import { arrow } from '../../src/cli/export/formats/arrow.js';
import type { TokenSample } from '../../src/cli/export/formats/format.js';
import { parquet } from '../../src/cli/export/formats/parquet.js';
import { readArrow, readMds, readMegatron, readNpy, readParquet } from './support/dataset-readers.js';
import { ExportBench, idsIn } from './support/export-bench.js';
import {
  empty,
  large,
  maskOf,
  rowsOf,
  tokenConversations,
  tokensOf,
  tooLarge,
  wide,
} from './support/export-samples.js';

let bench: ExportBench;
const exported = (...args: string[]) => bench.exported(...args);

beforeAll(async () => {
  bench = await ExportBench.start();
  for (const conversation of [...tokenConversations, empty]) await bench.store(conversation, 'small');
  for (const conversation of [...tokenConversations, large, empty]) {
    await bench.store({ ...conversation, id: `w ${conversation.id}` }, 'wide');
  }
  await bench.store(tooLarge, 'unsigned');
});
afterAll(() => bench.stop());

function sampleOf(id: string, token: number): TokenSample {
  const conversation = {
    ...{ id, application: '', model: '', tokenizer: '', parentId: '', expireTimeMs: undefined, metadata: {} },
    ...{ revision: 1, totalTokens: 1, messageCount: 1, createTimeMs: 0, storeTimeMs: 0, updateTimeMs: 0 },
  };
  const messages = [{ role: 'user', tokenCount: 1 }];
  return { conversation, tokens: Uint32Array.of(token), tokenMax: token, messages };
}

describe('export of tokens', () => {
  it('writes datasets of Megatron, narrow if all ids are', async () => {
    const small = await exported(
      '--format',
      'megatron',
      '--application',
      'small',
      '--loss-roles',
      'assistant',
    );
    const documents = tokenConversations.map(tokensOf);
    expect(readMegatron(join(small, 'data'))).toEqual({ type: 'uint16', documents });
    const masks = tokenConversations.map(maskOf);
    expect(readMegatron(join(small, 'data.loss_mask'))).toEqual({ type: 'uint8', documents: masks });
    expect(idsIn(join(small, 'data.ids.jsonl'))).toEqual(tokenConversations.map(({ id }) => id));
    const other = await exported('--format', 'megatron', '--application', 'wide');
    expect(readMegatron(join(other, 'data'))).toEqual({ type: 'int32', documents: wide.map(tokensOf) });
    expect(readdirSync(other).sort()).toEqual(['data.bin', 'data.ids.jsonl', 'data.idx', 'export.json']);
  });

  it('writes arrays of NumPy, with every id', async () => {
    const out = await exported('--format', 'npy', '--loss-roles', 'assistant');
    const all = [...tokenConversations, ...wide, tooLarge];
    const tokens = readNpy(join(out, 'data.tokens.npy'));
    expect(tokens).toEqual({ type: '<u4', values: all.flatMap(tokensOf) });
    expect(readNpy(join(out, 'data.loss_mask.npy'))).toEqual({ type: '|u1', values: all.flatMap(maskOf) });
    const ends = [0];
    for (const conversation of all) ends.push(ends.at(-1)! + tokensOf(conversation).length);
    expect(readNpy(join(out, 'data.offsets.npy'))).toEqual({ type: '<i8', values: ends });
    expect(idsIn(join(out, 'data.ids.jsonl'))).toEqual(all.map(({ id }) => id));
  });

  it('writes shards of MDS', async () => {
    const out = await exported('--format', 'mds', '--application', 'wide', '--loss-roles', 'assistant');
    expect(readMds(join(out, 'data'))).toEqual(rowsOf(wide));
    const sharded = await exported('--format', 'mds', '--application', 'wide', '--shards', '3');
    const rows = readMds(join(sharded, 'data'));
    expect(rows).toHaveLength(wide.length);
    expect(new Map(rows.map(({ id, tokens }) => [id, tokens]))).toEqual(
      new Map(wide.map((stored) => [stored.id, tokensOf(stored)])),
    );
  });

  it('writes streams that Arrow reads, and Parquet that another library reads', async () => {
    const flags = ['--application', 'wide', '--loss-roles', 'assistant'];
    const arrowRead = readArrow(join(await exported('--format', 'arrow', ...flags), 'data.arrow'));
    expect(arrowRead.types).toEqual([
      'id: Utf8',
      'application: Utf8',
      'model: Utf8',
      'tokenizer: Utf8',
      'input_ids: List<Int32>',
      'roles: List<Utf8>',
      'message_tokens: List<Int32>',
      'loss_mask: List<Uint8>',
    ]);
    const expected = wide.map((stored) => ({
      ...{ id: stored.id, application: 'wide', model: '', tokenizer: '' },
      input_ids: tokensOf(stored),
      roles: stored.messages.map(({ role }) => role),
      message_tokens: stored.messages.map(({ tokens }) => tokens.length),
      loss_mask: maskOf(stored),
    }));
    expect(arrowRead.rows).toEqual(expected);
    const parquetRead = await readParquet(
      join(await exported('--format', 'parquet', ...flags), 'data.parquet'),
    );
    expect(parquetRead.rows).toEqual(expected);
  });

  it('cuts batches of Arrow and of Parquet, and keeps the order', async () => {
    const out = join(bench.folder, 'batches');
    const target = await ExportFolder.open({ path: out, force: false, filesExpected: 2, choices: '' });
    const samples = Array.from({ length: 1100 }, (_, number) => sampleOf(`m${number}`, number));
    const settings = { lossRoles: undefined, seen: undefined, turns: 'every', batchTokensMax: 600 } as const;
    for (const format of [arrow, parquet]) {
      const part = await format.begin(
        target,
        { name: 'data', split: 'data', shard: 0, shards: 1, former: undefined },
        settings,
      );
      for (const sample of samples) await part.add(sample);
      await part.finish();
    }
    await target.finish({}, 0);
    const ids = samples.map(({ conversation: { id } }) => id);
    const arrowRead = readArrow(join(out, 'data.arrow'));
    expect(arrowRead.batchRows).toEqual([600, 500]);
    expect(arrowRead.rows.map((row) => row['id'])).toEqual(ids);
    const parquetRead = await readParquet(join(out, 'data.parquet'));
    expect(parquetRead.groups).toBe(2);
    expect(parquetRead.rows.map((row) => row['id'])).toEqual(ids);
  });

  it('leaves out what a format cannot hold, and says how many', async () => {
    const out = join(bench.folder, 'unfit');
    const { stdout } = await bench.run(['export', '--format', 'arrow', '--out', out, '--json']);
    const { conversations, empty, unfit, failed } = JSON.parse(stdout) as Record<string, number>;
    expect({ conversations, empty, unfit, failed }).toEqual({
      conversations: tokenConversations.length + wide.length,
      empty: 2,
      unfit: 1,
      failed: 0,
    });
  });

  it('writes the same bytes every time', async () => {
    for (const format of ['megatron', 'arrow', 'npy', 'mds', 'parquet']) {
      const flags = [
        '--format',
        format,
        '--application',
        'wide',
        '--shards',
        '2',
        '--split',
        'train=9,test=1',
      ];
      expect(hashes(await exported(...flags))).toEqual(hashes(await exported(...flags)));
    }
  });

  it('keeps its layouts', async () => {
    const golden = ['--application', 'small', '--id-prefix', 'ein', '--loss-roles', 'assistant'];
    const sums = [];
    for (const format of ['megatron', 'arrow', 'npy', 'mds', 'parquet']) {
      sums.push(...hashes(await exported('--format', format, ...golden)));
    }
    expect(sums).toMatchInlineSnapshot(`
      [
        "data.bin 9d9992714751ca65",
        "data.ids.jsonl 074ce4bbf79afce2",
        "data.idx 69d959acc3925117",
        "data.loss_mask.bin 75c8fd04ad916aec",
        "data.loss_mask.idx fded4f6b5241c716",
        "export.json ee49334b89f5cb46",
        "data.arrow 95f6b3cb91b595bc",
        "export.json 67ad2fc110e97d72",
        "data.ids.jsonl 074ce4bbf79afce2",
        "data.loss_mask.npy fc59988614b14bdd",
        "data.offsets.npy 412c9d95f0f0aa5c",
        "data.tokens.npy f89cf88e0b40d12a",
        "export.json 39f7cb37204b7d30",
        "data/index.json 8bc0f8c5efeba501",
        "data/shard.00000.mds 03b3fa817ea840a5",
        "export.json 1b9f7055be1c501e",
        "data.parquet 254d141bf98fd571",
        "export.json 02dd0178270f7f4d",
      ]
    `);
  });
});

/** Returns the files of a folder with the beginning of their SHA-256. */
function hashes(out: string): string[] {
  const names = readdirSync(out, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return names
    .map(({ parentPath, name }) => {
      const hash = createHash('sha256')
        .update(readFileSync(join(parentPath, name)))
        .digest('hex');
      return `${join(parentPath, name).slice(out.length + 1)} ${hash.slice(0, 16)}`;
    })
    .sort();
}
