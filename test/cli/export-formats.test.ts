import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, type NewMessage, type StowkenClient } from '../../src/client/index.js';
import { SeenContents } from '../../src/cli/export/duplicates.js';
import { ExportFolder } from '../../src/cli/export/folder.js';
import { arrow } from '../../src/cli/export/formats/arrow.js';
import type { TokenSample } from '../../src/cli/export/formats/format.js';
import { parquet } from '../../src/cli/export/formats/parquet.js';
import { partName, placeOf } from '../../src/cli/export/partition.js';
import type { RunningServer } from '../../src/cli/index.js';
import {
  readArrow,
  readMds,
  readMegatron,
  readNpy,
  readParquet,
  type ReadRow,
} from './support/dataset-readers.js';
import { startTestServer } from './support/start-server.js';
import { type CliResult, jsonLines, stowkenAt } from './support/stowken.js';

const folder = mkdtempSync(join(tmpdir(), 'stowken-export-'));
let server: RunningServer;
let client: StowkenClient;
let run: (args: readonly string[]) => Promise<CliResult>;

interface Stored {
  readonly id: string;
  readonly messages: readonly { readonly role: string; readonly tokens: readonly number[] }[];
}

/** Conversations of every length that a width of sizes changes at, and ids up to the largest of an int32. */
const tokenConversations: readonly Stored[] = [
  ...[1, 2, 255, 256, 257, 65_536, 1, 3].map((length, number) => ({
    id: `größe ${number}/${length}`,
    messages: [
      { role: 'user', tokens: Array.from({ length }, (_, at) => (at * 7919 + number) % 65_500) },
      ...(number % 2 === 1 ? [{ role: 'assistant', tokens: [] }] : []),
      { role: 'assistant', tokens: [number] },
    ],
  })),
  { id: 'ein "Zitat"\n', messages: [{ role: 'assistant', tokens: [65_499, 0, 7] }] },
];
const large: Stored = { id: 'large', messages: [{ role: 'user', tokens: [2 ** 31 - 1, 70_000] }] };
const tooLarge: Stored = { id: 'too large', messages: [{ role: 'user', tokens: [2 ** 31, 5] }] };
const empty: Stored = { id: 'empty', messages: [{ role: 'user', tokens: [] }] };

async function store({ id, messages }: Stored, application: string): Promise<void> {
  const said = messages.map(({ role, tokens }) => ({ role, tokens: [...tokens] }));
  await client.store({ conversation: { id, application }, messages: said });
}

beforeAll(async () => {
  server = await startTestServer();
  run = stowkenAt(server.address);
  client = connect({ server: server.address });
  for (const conversation of [...tokenConversations, empty]) await store(conversation, 'small');
  for (const conversation of [...tokenConversations, large, empty]) {
    await store({ ...conversation, id: `w ${conversation.id}` }, 'wide');
  }
  await store(tooLarge, 'unsigned');
});
afterAll(async () => {
  client.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

let exports = 0;
async function exported(...args: string[]): Promise<string> {
  const out = join(folder, String(exports++));
  const { code, stderr } = await run(['export', '--out', out, ...args]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return out;
}

function sampleOf(id: string, token: number): TokenSample {
  const conversation = {
    ...{ id, application: '', model: '', tokenizer: '', parentId: '', expireTimeMs: undefined, metadata: {} },
    ...{ revision: 1, totalTokens: 1, messageCount: 1, createTimeMs: 0, storeTimeMs: 0, updateTimeMs: 0 },
  };
  const messages = [{ role: 'user', tokenCount: 1 }];
  return { conversation, tokens: Uint32Array.of(token), tokenMax: token, messages };
}

const tokensOf = ({ messages }: Stored) => messages.flatMap(({ tokens }) => tokens);
const maskOf = ({ messages }: Stored) =>
  messages.flatMap(({ role, tokens }) => tokens.map(() => (role === 'assistant' ? 1 : 0)));
const rowsOf = (conversations: readonly Stored[]): ReadRow[] =>
  conversations.map((conversation) => ({
    id: conversation.id,
    tokens: tokensOf(conversation),
    mask: maskOf(conversation),
  }));
const wide = [...tokenConversations, large].map((stored) => ({ ...stored, id: `w ${stored.id}` }));
const idsIn = (path: string) => jsonLines(readFileSync(path, 'utf8')).map(({ id }) => id);

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
    const out = join(folder, 'batches');
    const target = await ExportFolder.open(out, false, 2);
    const samples = Array.from({ length: 1100 }, (_, number) => sampleOf(`m${number}`, number));
    const settings = { lossRoles: undefined, seen: undefined, turns: 'every', batchTokensMax: 600 } as const;
    for (const format of [arrow, parquet]) {
      const part = await format.begin(target, { name: 'data', split: 'data', shard: 0, shards: 1 }, settings);
      for (const sample of samples) await part.add(sample);
      await part.finish();
    }
    await target.finish({});
    const ids = samples.map(({ conversation: { id } }) => id);
    const arrowRead = readArrow(join(out, 'data.arrow'));
    expect(arrowRead.batchRows).toEqual([600, 500]);
    expect(arrowRead.rows.map((row) => row['id'])).toEqual(ids);
    const parquetRead = await readParquet(join(out, 'data.parquet'));
    expect(parquetRead.groups).toBe(2);
    expect(parquetRead.rows.map((row) => row['id'])).toEqual(ids);
  });

  it('leaves out what a format cannot hold, and says how many', async () => {
    const out = join(folder, 'unfit');
    const { stdout } = await run(['export', '--format', 'arrow', '--out', out, '--json']);
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

describe('export of text', () => {
  const said = (...texts: string[]): NewMessage[] =>
    texts.map((text, at) => ({ role: at % 2 === 0 ? 'user' : 'assistant', text }));
  const chat = (id: string, messages: NewMessage[], tokenizer = 'o200k_base') =>
    client.store({ conversation: { id, application: 'chat', tokenizer }, messages });
  const linesOf = (out: string) => jsonLines(readFileSync(join(out, 'data.jsonl'), 'utf8'));
  const call = { id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } };

  beforeAll(async () => {
    await chat('chat 1', said('你好', 'Hallo', 'und?', 'ja'));
    const sealed = JSON.stringify({ content: null, tool_calls: [call] });
    await chat('chat 2', [
      { role: 'user', text: 'f?' },
      { role: 'assistant', text: sealed },
      { role: 'tool', toolCallId: 'c1', text: '{}' },
      { role: 'assistant', text: 'done' },
    ]);
    await chat('chat 3', [{ role: 'user', text: 'nobody answers' }]);
    await chat('chat 4', said('你好', 'Hallo', 'und?', 'ja'));
  });

  it('writes chats for fine-tuning', async () => {
    const out = await exported('--format', 'openai', '--application', 'chat', '--dedupe');
    expect(linesOf(out)).toEqual([
      {
        messages: [
          { role: 'user', content: '你好' },
          { role: 'assistant', content: 'Hallo' },
          { role: 'user', content: 'und?' },
          { role: 'assistant', content: 'ja' },
        ],
      },
      {
        messages: [
          { role: 'user', content: 'f?' },
          { role: 'assistant', content: null, tool_calls: [call] },
          { role: 'tool', tool_call_id: 'c1', content: '{}' },
          { role: 'assistant', content: 'done' },
        ],
      },
    ]);
    const masked = await exported('--format', 'openai', '--application', 'chat', '--loss-roles', 'tool');
    expect(JSON.stringify(linesOf(masked)[0])).toContain('{"role":"assistant","content":"Hallo","weight":0}');
  });

  it('writes the tools of a request beside its messages, as they were imported', async () => {
    const tools = [
      { type: 'function', function: { name: 'f', parameters: { type: 'object' } } },
      { type: 'function', function: { name: 'g', description: 'a value that looks like {"$stowken":1}' } },
    ];
    const marked = [{ $stowken: ['said', 'content'] }];
    const file = join(folder, 'tools.jsonl');
    const messages = [
      { role: 'user', content: 'f?' },
      { role: 'assistant', content: 'no' },
    ];
    const line = (id: string, given: unknown) => JSON.stringify({ id, messages, tools: given });
    writeFileSync(file, [line('with-1', tools), line('with-2', marked), line('with-3', [])].join('\n'));
    expect(await run(['import', file, '--application', 'tools'])).toMatchObject({ code: 0 });
    const lines = linesOf(await exported('--format', 'openai', '--application', 'tools'));
    expect(lines).toHaveLength(3);
    expect(lines).toEqual(
      expect.arrayContaining([{ messages, tools }, { messages, tools: marked }, { messages }]),
    );
  });

  it('writes pairs of a prompt and its answer', async () => {
    const flags = ['--format', 'pairs', '--application', 'chat', '--id-prefix', 'chat 1'];
    const first = {
      prompt: [{ role: 'user', content: '你好' }],
      completion: [{ role: 'assistant', content: 'Hallo' }],
    };
    const last = {
      prompt: [...first.prompt, ...first.completion, { role: 'user', content: 'und?' }],
      completion: [{ role: 'assistant', content: 'ja' }],
    };
    expect(linesOf(await exported(...flags))).toEqual([first, last]);
    expect(linesOf(await exported(...flags, '--turns', 'last'))).toEqual([last]);
    const distinct = await exported('--format', 'pairs', '--application', 'chat', '--dedupe');
    expect(linesOf(distinct)).toHaveLength(4);
  });

  it('names conversations that have no text, and fails', async () => {
    await store({ id: 'no text', messages: [{ role: 'assistant', tokens: [1] }] }, 'tokens');
    const out = join(folder, 'no-text');
    const { code, stderr } = await run([
      'export',
      '--format',
      'openai',
      '--out',
      out,
      '--application',
      'tokens',
    ]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: "'no text': message 0 cannot be given as text\n" });
  });
});

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
    for (const stored of twice) await store({ ...stored, id: `copy of ${stored.id}` }, 'small');
    const out = await exported(...flags, '--dedupe');
    expect(idsIn(join(out, 'data.ids.jsonl'))).toEqual(tokenConversations.map(({ id }) => id));
    for (const { id } of twice) await client.delete(`copy of ${id}`);
  });

  it('remembers contents beyond the growth of its table', () => {
    const seen = new SeenContents();
    const texts = Array.from({ length: 5000 }, (_, at) => `text ${at}`);
    expect(texts.every((text) => seen.add(text))).toBe(true);
    expect(texts.some((text) => seen.add(text))).toBe(false);
  });
});
