import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest';
import { StowkenError } from '../../src/model/index.js';
import type { SegmentKey, StorageBackend } from '../../src/storage/index.js';
import { createTokenizers, readTokenizer, type TokenizerPool } from '../../src/text/index.js';
import { createVault, type Vault } from '../../src/vault/index.js';
import { openStoredVault } from '../support/stored-vault.js';
import { collectAll, say, signal, spec, type TestVault } from '../support/vault.js';
import { preTokenizers, tokenizerJson } from '../text/hugging-face.js';

const folder = mkdtempSync(join(tmpdir(), 'stowken-search-'));
afterAll(() => rmSync(folder, { recursive: true }));

let t: TestVault;
beforeEach(async () => (t = await openStoredVault('lmdb')));
afterEach(() => t.close());

function vaultOf(parts: { tokenizers?: TokenizerPool; backend?: StorageBackend }): Vault {
  const { backend, core, codec, tokenizers, searchThreads, clock } = t;
  return createVault({
    name: 'default',
    ...{ backend, core, codec, tokenizers, searchThreads, clock: () => clock.nowMs },
    ...parts,
  });
}

async function search(vault: Vault, text: string, ignoreCase = false) {
  const input = { text, ignoreCase, wholeWords: false, filter: {}, limit: 100 };
  const parts = await collectAll(vault.search(input, signal));
  const hits = parts.flatMap((part) => part.hits);
  const places = hits.map(({ conversationId, messageIndex, offset }) => [
    conversationId,
    messageIndex,
    offset,
  ]);
  return { places, unsearched: parts.at(-1)!.unsearched };
}

const store = (vault: Vault, id: string, texts: readonly string[], tokenizer = 'o200k_base') =>
  vault.store({ spec: spec(id, { tokenizer }), messages: texts.map((text) => say('user', text)) }, signal);

it('turns no message into text that cannot hold it', async () => {
  let decoded = 0;
  const tokenizers: TokenizerPool = {
    ...t.tokenizers,
    decode: (...args) => {
      decoded += args[1].length;
      return t.tokenizers.decode(...args);
    },
  };
  const vault = vaultOf({ tokenizers });
  await store(vault, 'a', ['order 4711', 'order 4712', '訂單 4711', 'Straße', '']);
  await store(vault, 'b', ['order 4711', 'nothing', 'order', ' 4711 in two tokens or more']);
  expect((await search(vault, 'nowhere at all')).places).toEqual([]);
  expect((await search(vault, 'STRASSE', true)).places).toEqual([]);
  expect(decoded).toBe(0);
  expect((await search(vault, '訂單 47')).places).toEqual([['a', 2, 0]]);
  expect((await search(vault, 'STRAẞE', true)).places).toEqual([['a', 3, 0]]);
  expect(decoded).toBe(2);
});

it.each([
  [
    'a file',
    tokenizerJson({
      merges: [
        ['h', 'e'],
        ['he', 'l'],
      ],
      preTokenizer: preTokenizers.Qwen,
    }),
  ],
  ['a file of the library', unigram()],
])('finds text of a tokenizer of %s', async (_, json) => {
  const path = join(folder, 'tokenizer.json');
  writeFileSync(path, JSON.stringify(json));
  const given = [await readTokenizer({ name: 'mine', path, pattern: undefined })];
  const first = createTokenizers({ threadsMax: 1, given });
  await store(vaultOf({ tokenizers: first }), 'a', ['hello hell', 'a hello', 'hehe'], 'mine');
  await first.close();
  // By another server, which has no such file: the vault keeps what its text is read with.
  const none = createTokenizers({ threadsMax: 1 });
  const vault = vaultOf({ tokenizers: none });
  const places = [
    ['a', 0, 0],
    ['a', 0, 6],
    ['a', 1, 2],
  ];
  expect(await search(vault, 'hell')).toEqual({ places, unsearched: 0 });
  expect((await search(vault, 'o H', true)).places).toEqual([['a', 0, 4]]);
  expect((await search(vault, ' h')).places).toEqual([
    ['a', 0, 5],
    ['a', 1, 1],
  ]);
  await none.close();
});

/** Tokenizer that only the library encodes with, and that puts a space before a text. */
function unigram(): object {
  const metaspace = { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true };
  const pieces = ['<unk>', '▁', ...'abcdefghijklmnopqrstuvwxyz', '▁hello', 'he', 'll', '▁he'];
  return {
    version: '1.0',
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: metaspace,
    post_processor: null,
    decoder: metaspace,
    model: {
      type: 'Unigram',
      unk_id: 0,
      byte_fallback: false,
      vocab: pieces.map((piece, id) => [piece, -1 - (8 - piece.length) / 2 - (id % 5) / 9]),
    },
  };
}

it.each(['a frame that does not decode', 'a frame that cannot be read'])(
  'searches beside %s',
  async (what) => {
    await store(t.vault, 'a', ['a needle', 'damaged', 'needle'.repeat(3)]);
    await store(t.vault, 'b', ['the needle']);
    const snapshot = (await t.backend.openConversation('a'))!;
    const damaged = (await snapshot.read(1, 1))[0]!.segments[0]!.key;
    snapshot.release();
    const readFrames = async (keys: readonly SegmentKey[]) => {
      const isIn = keys.includes(damaged);
      if (isIn && what.endsWith('read')) throw new StowkenError('CORRUPT_SEGMENT', 'it cannot be read');
      const frames = await t.backend.readFrames(keys);
      return frames.map((frame, at) => (keys[at] === damaged ? Uint8Array.of(255, 1, 2) : frame));
    };
    const backend = new Proxy(t.backend, {
      get(target, name): unknown {
        const value: unknown = Reflect.get(target, name);
        if (name === 'readFrames') return readFrames;
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
    const { places, unsearched } = await search(vaultOf({ backend }), 'needle');
    expect(places).toEqual([
      ['b', 0, 4],
      ['a', 0, 2],
      ['a', 2, 0],
      ['a', 2, 6],
      ['a', 2, 12],
    ]);
    expect(unsearched).toBe(1);
  },
);
