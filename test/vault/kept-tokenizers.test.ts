import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLiveCodec } from '../../src/codec/index.js';
import { openLmdbBackend, restoreLmdb, type StorageBackend } from '../../src/storage/index.js';
import { createTokenizers, readTokenizer, type TokenizerPool } from '../../src/text/index.js';
import { createVault, SearchThreads, type Vault } from '../../src/vault/index.js';
import { openStoredVault } from '../support/stored-vault.js';
import { partsOf, say, signal, spec, type TestVault } from '../support/vault.js';
import { type AddedJson, preTokenizers, tokenizerJson } from '../text/hugging-face.js';

const folder = mkdtempSync(join(tmpdir(), 'stowken-kept-'));
/** The server's tokenizers: with one file under the name, with another one, and with none. */
let first: TokenizerPool;
let other: TokenizerPool;
let none: TokenizerPool;

beforeAll(async () => {
  const given = async (merge: [string, string]) => {
    const path = join(folder, `${merge.join('')}.json`);
    writeFileSync(path, JSON.stringify(tokenizerJson({ merges: [merge], preTokenizer: preTokenizers.Qwen })));
    return readTokenizer({ name: 'mine', path, pattern: undefined });
  };
  first = createTokenizers({ threadsMax: 1, given: [await given(['h', 'e'])] });
  other = createTokenizers({ threadsMax: 1, given: [await given(['l', 'l'])] });
  none = createTokenizers({ threadsMax: 1 });
});
afterAll(async () => {
  await Promise.all([first, other, none].map((pool) => pool.close()));
  rmSync(folder, { recursive: true });
});

const text = 'hello';
const by = { id: (id: string) => spec(id, { tokenizer: 'mine' }) };

/** The vault of a server that was started with these tokenizers. */
function servedBy(tokenizers: TokenizerPool, { backend, core, codec }: Parts): Vault {
  return createVault({
    name: 'default',
    ...{ backend, core, codec, tokenizers, searchThreads: new SearchThreads(1) },
    clock: () => 1_700_000_000_000,
  });
}
type Parts = Pick<TestVault, 'core' | 'codec'> & { readonly backend: StorageBackend };

const store = (vault: Vault, id: string) =>
  vault.store({ spec: by.id(id), messages: [say('user', text)] }, signal);

async function contentsOf(vault: Vault, id: string, encoding: 'text' | 'le32', exactText = false) {
  const contents: (string | number[])[] = [];
  for await (const part of partsOf(vault.retrieve({ id, encoding, exactText }, signal))) {
    if (part.kind !== 'chunk' || part.content === undefined) continue;
    const { content } = part;
    contents.push(
      content.kind === 'text' ? content.text : [...new Uint32Array(Uint8Array.from(content.bytes).buffer)],
    );
  }
  return contents;
}

describe.each(['lmdb', 'memory'] as const)('a vault in %s with text of a tokenizer of a file', (kind) => {
  let opened: TestVault;
  let ids: (string | number[])[];
  beforeAll(async () => {
    opened = await openStoredVault(kind);
    const vault = servedBy(first, opened);
    // Together: the vocabulary is kept once.
    await Promise.all(['a', 'b', 'c'].map((id) => store(vault, id)));
    ids = await contentsOf(vault, 'a', 'le32');
  });
  afterAll(() => opened.close());

  it('keeps the vocabulary, so that a server without the file decodes and encodes', async () => {
    const vault = servedBy(none, opened);
    expect(await contentsOf(vault, 'a', 'text')).toEqual([text]);
    expect(await contentsOf(vault, 'a', 'text', true)).toEqual([text]);
    await store(vault, 'by none');
    expect(await contentsOf(vault, 'by none', 'le32')).toEqual(ids);
  });

  it('refuses text of another file under the name, in words, and takes and gives ids', async () => {
    const vault = servedBy(other, opened);
    const words =
      /tokenizer "mine": the vault has text of the vocabulary \w{64}, and the server was started with another/;
    const refused = { reason: 'TOKENIZER_CHANGED', message: expect.stringMatching(words) as string };
    await expect(store(vault, 'x')).rejects.toMatchObject(refused);
    await expect(contentsOf(vault, 'a', 'text')).rejects.toMatchObject(refused);
    await expect(vault.append({ id: 'a', messages: [say('user', text)] }, signal)).rejects.toMatchObject(
      refused,
    );
    await vault.store({ spec: by.id('ids'), messages: [say('user', [104, 101])] }, signal);
    expect(await contentsOf(vault, 'ids', 'le32')).toEqual([[104, 101]]);
    expect(await contentsOf(vault, 'a', 'le32')).toEqual(ids);
    expect(await contentsOf(vault, 'a', 'text', true)).toEqual(ids);
  });

  it('goes on as before with the former file', async () => {
    const vault = servedBy(first, opened);
    await store(vault, 'again');
    expect(await contentsOf(vault, 'again', 'text')).toEqual([text]);
  });
});

describe('a vault without text of a tokenizer', () => {
  it('keeps no vocabulary for ids, nor for reads', async () => {
    const opened = await openStoredVault('memory');
    const vault = servedBy(first, opened);
    await vault.store({ spec: by.id('ids'), messages: [say('user', [104, 101])] }, signal);
    expect(await contentsOf(vault, 'ids', 'text')).toEqual(['he']);
    const content = { kind: 'text' as const, utf8: Buffer.from(text) };
    await vault.findPrefix(
      { content, tokenizer: 'mine', application: undefined, minTokens: 0, limit: 1 },
      signal,
    );
    expect(await opened.backend.readTokenizer!('mine')).toBeUndefined();
    // Another file is as good until then.
    await store(servedBy(other, opened), 'text');
    await expect(store(vault, 'x')).rejects.toMatchObject({ reason: 'TOKENIZER_CHANGED' });
    await expect(store(servedBy(none, opened), 'x')).resolves.toBeDefined();
    await opened.close();
  });

  it('refuses text of a tokenizer that nobody has', async () => {
    const opened = await openStoredVault('memory');
    await expect(store(servedBy(none, opened), 'x')).rejects.toMatchObject({ reason: 'UNKNOWN_TOKENIZER' });
    await opened.close();
  });

  it('refuses text of a tokenizer of a file in a storage that keeps none', async () => {
    const opened = await openStoredVault('filesystem');
    const vault = servedBy(first, opened);
    await expect(store(vault, 'x')).rejects.toMatchObject({ reason: 'UNSUPPORTED_BY_STORAGE' });
    await vault.store({ spec: by.id('ids'), messages: [say('user', [104, 101])] }, signal);
    expect(await contentsOf(vault, 'ids', 'text')).toEqual(['he']);
    await opened.close();
  });
});

describe('the vocabulary that a vault keeps', () => {
  it('is in its backup', async () => {
    const opened = await openStoredVault('lmdb');
    await store(servedBy(first, opened), 'a');
    const restored = join(folder, 'restored');
    const parts = () => createLiveCodec(opened.core);
    await restoreLmdb({ folder: restored, source: servedBy(none, opened).backup(signal), codec: parts() });
    const codec = parts();
    const backend = await openLmdbBackend({
      folder: restored,
      codec,
      clock: Date.now,
      durability: 'relaxed',
    });
    expect(await contentsOf(servedBy(none, { backend, core: opened.core, codec }), 'a', 'text')).toEqual([
      text,
    ]);
    await expect(
      contentsOf(servedBy(other, { backend, core: opened.core, codec }), 'a', 'text'),
    ).rejects.toMatchObject({ reason: 'TOKENIZER_CHANGED' });
    expect(await backend.check()).toEqual([]);
    await backend.close();
    await opened.close();
  });

  it('is never replaced, and a check finds one that its hash does not name', async () => {
    const opened = await openStoredVault('lmdb');
    await store(servedBy(first, opened), 'a');
    const { sha256, packed } = (await opened.backend.readTokenizer!('mine'))!;
    const changed = { name: 'mine', sha256: 'ab'.repeat(32), packed };
    await expect(opened.backend.commit({ putTokenizer: changed })).rejects.toMatchObject({
      reason: 'TOKENIZER_CHANGED',
    });
    await opened.backend.commit({ putTokenizer: { name: 'mine', sha256, packed: Buffer.alloc(1) } });
    expect((await opened.backend.readTokenizer!('mine'))!.packed).toEqual(packed);
    expect(await opened.backend.check()).toEqual([]);
    await opened.close();

    const damaged = await openStoredVault('memory');
    const file = brotliDecompressSync(packed);
    file[100]! ^= 1;
    await damaged.backend.commit({
      putTokenizer: { name: 'mine', sha256, packed: brotliCompressSync(file) },
    });
    const found = expect.stringContaining('the vocabulary of tokenizer "mine" is damaged') as string;
    await expect(store(servedBy(none, damaged), 'a')).rejects.toMatchObject({
      reason: 'CORRUPT_STORE',
      message: found,
    });
    await damaged.close();
  });
});

it('goes on encoding text of a vault as an earlier version read the file, and that of a new vault as it is', async () => {
  const token = { id: 300, content: '<x>', normalized: false, special: false };
  const poolOf = async (name: string, added: AddedJson) => {
    const path = join(folder, `${name}.json`);
    const merges: [string, string][] = [['h', 'e']];
    writeFileSync(
      path,
      JSON.stringify(tokenizerJson({ merges, preTokenizer: preTokenizers.Qwen, added: [added] })),
    );
    const given = await readTokenizer({ name: 'mine', path, pattern: undefined });
    return createTokenizers({ threadsMax: 1, given: [given] });
  };
  // Earlier versions read the second file as the first one.
  const [earlier, now] = [await poolOf('earlier', token), await poolOf('now', { ...token, rstrip: true })];
  const [old, fresh] = [await openStoredVault('memory'), await openStoredVault('memory')];
  const put = (vault: Vault, id: string) =>
    vault.store({ spec: by.id(id), messages: [say('user', 'h<x> e')] }, signal);
  const idsIn = (vault: Vault, id: string) => contentsOf(vault, id, 'le32');
  await put(servedBy(earlier, old), 'before');
  await put(servedBy(now, old), 'behind');
  await put(servedBy(now, fresh), 'fresh');
  const [before] = await idsIn(servedBy(now, old), 'before');
  expect(before).toHaveLength(4);
  expect(await idsIn(servedBy(now, old), 'behind')).toEqual([before]);
  const [stripped] = await idsIn(servedBy(now, fresh), 'fresh');
  expect(stripped).toEqual([before![0], 300, before![3]]);
  await Promise.all([old.close(), fresh.close(), earlier.close(), now.close()]);
});
