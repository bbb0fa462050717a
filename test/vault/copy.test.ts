import { createHash } from 'node:crypto';
import { brotliCompressSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from 'vitest';
import { trainHere } from '../../src/codec/index.js';
import { copyVault, type CopyParts, type CopyReport } from '../../src/vault/index.js';
import { sampleSegments } from '../codec/samples.js';
import {
  backendKinds,
  type Bench,
  core,
  isPartitioned,
  message,
  segment,
  spec,
  useBench,
} from '../contract/support.js';
import { read } from '../storage/model/visible.js';
import { testsAll } from '../support/sample.js';

const pool = sampleSegments(120, 7)
  .filter(({ length }) => length > 0)
  .map((tokens) => segment(...tokens));
const trained = trainHere(
  core.module,
  sampleSegments(300, 1).map((tokens) => core.fromTokens(tokens)),
  { id: 3 },
);

/**
 * Every order of two storages, and each to itself; partitions with one other, which is slow enough. The gate
 * copies from and to lmdb, which has all that there is.
 */
const pairs = backendKinds
  .flatMap((from) => backendKinds.map((to) => ({ from, to, kinds: [from, to] })))
  .filter(({ kinds }) => !kinds.some(isPartitioned) || kinds.every((k) => isPartitioned(k) || k === 'lmdb'))
  .filter(({ from, to, kinds }) => testsAll || from === to || kinds.includes('lmdb'));

describe.each(pairs)('a copy from $from to $to', ({ from, to, kinds }) => {
  const source = useBench(from, { sync: false });
  const target = useBench(to, { sync: false });

  let requireCopy = async () => {};
  beforeEach(() => (requireCopy = async () => {}));

  async function copy(changes: Partial<CopyParts['source']> = {}): Promise<CopyReport> {
    const { backend, codec } = source();
    return copyVault(
      {
        source: { backend, codec, isShared: false, refresh: async () => {}, ...changes },
        target: {
          backend: target().backend,
          indexesPrefixes: target().backend.findPrefix !== undefined,
          requireCopy,
        },
        clock: () => 50_000,
        signal: new AbortController().signal,
      },
      { compares: true },
    );
  }

  /** Expects the copy to have all of the source. Where there are copies of segments, they are not counted. */
  async function expectEqual(): Promise<void> {
    const hasCopies = kinds.some(isPartitioned);
    const [one, other] = [await contentOf(target()), await contentOf(source())];
    expect(hasCopies ? withoutCopies(one) : one).toEqual(hasCopies ? withoutCopies(other) : other);
  }

  /** Stores conversations with all that one can have, at rising times. */
  async function fill(): Promise<void> {
    const { backend } = source();
    for (let at = 0; at < 40; at++) {
      const some = pool.slice(at * 2, at * 2 + 5);
      const messages = [
        message('system', pool[0]!),
        { ...message('user', some[1]!, some[2]!), name: 'ann', fieldSegments: 1 },
        { ...message('tool', ...some), toolCallId: `call_${at}` },
        message('assistant'),
      ];
      const dated = at % 3 === 0 ? { createTimeMs: 500 + at } : {};
      const fields = { application: `app${at % 2}`, model: 'm', tokenizer: '', ...dated };
      await backend.commit({
        newSegments: [pool[0]!, ...some],
        put: {
          spec: spec(`c/${at}`, {
            ...fields,
            metadata: { n: `${at}` },
            expireTimeMs: at === 7 ? 9e12 : undefined,
          }),
          messages,
          expect: { kind: 'revision', revision: 0 },
          timeMs: 1_000 + at * 10,
        },
      });
    }
    await backend.commit({ fork: { id: 'c/3', newId: 'fork', messageCount: 2, timeMs: 2_000 } });
    await backend.commit({ append: { id: 'c/4', messages: [message('user', pool[9]!)], timeMs: 2_100 } });
    await backend.commit({
      newSegments: [pool.at(-1)!],
      addReferences: [
        { hash: pool.at(-1)!.hash, holder: 'ü' },
        { hash: pool.at(-1)!.hash, holder: 'other' },
        { hash: pool[0]!.hash, holder: 'h' },
      ],
    });
  }

  it('is equal, with revisions, times, registries and outside references', async () => {
    await fill();
    await rewrite(source());
    const report = await copy();
    expect(report).toMatchObject({
      isComplete: true,
      differences: [],
      passes: [{ copied: 41, references: 3 }],
    });
    await expectEqual();
    expect(await copy()).toMatchObject({
      passes: [{ copied: 0, unchanged: 41, deleted: 0, references: 0, segments: 0, faults: [] }],
      differences: [],
    });
  });

  it('has the vocabularies and chat templates of tokenizers, or is refused', async () => {
    const unsupported = { reason: 'UNSUPPORTED_BY_STORAGE' };
    const names = ['mine', 'mine\0chat'];
    for (const name of names) {
      const hash = createHash('sha256').update(name).digest();
      const packed = brotliCompressSync(Buffer.concat([Buffer.from(name), hash]));
      const put = source().backend.commit({ putTokenizer: { name, sha256: hash.toString('hex'), packed } });
      if (from === 'filesystem') return expect(put).rejects.toMatchObject(unsupported);
      await put;
    }
    await source().backend.commit({
      put: {
        spec: { ...spec('c'), tokenizer: 'mine' },
        messages: [],
        expect: { kind: 'absentOrSame' },
        timeMs: 1,
      },
    });
    if (to === 'filesystem') {
      await expect(copy()).rejects.toMatchObject(unsupported);
      return expect(await target().backend.getConversation('c')).toBeUndefined();
    }
    await copy();
    for (const name of names) {
      const found = await Promise.all(
        [source(), target()].map(({ backend }) => backend.readTokenizer!(name)),
      );
      const [given, kept] = found.map(
        (each) => each && [each.sha256, Buffer.from(each.packed).toString('hex')],
      );
      expect(given).toBeDefined();
      expect(kept).toEqual(given);
    }
  });

  it('follows what was appended, replaced, forked, deleted and released since', async () => {
    await fill();
    await copy();
    const { backend } = source();
    await backend.commit({ delete: { id: 'c/5', timeMs: 3_000 } });
    await backend.commit({ append: { id: 'c/6', messages: [message('user', pool[1]!)], timeMs: 3_000 } });
    await backend.commit({ fork: { id: 'c/6', newId: 'again', messageCount: undefined, timeMs: 3_100 } });
    await backend.commit({
      put: {
        spec: spec('c/8'),
        messages: [message('user', pool[1]!)],
        expect: { kind: 'revision', revision: 1 },
        timeMs: 3_200,
      },
    });
    await backend.commit({ removeReferences: [{ hash: pool.at(-1)!.hash, holder: 'other' }] });
    const { passes, differences } = await copy();
    expect(passes).toMatchObject([{ copied: 3, deleted: 1, references: 1, faults: [] }]);
    expect(differences).toEqual([]);
    await expectEqual();
  });

  /** Stores a conversation of so many messages. */
  async function put(id: string, timeMs: number, count = 1): Promise<void> {
    const messages = Array.from({ length: count }, () => message('user', pool[0]!));
    const expected = { kind: 'absentOrSame' } as const;
    await source().backend.commit({
      newSegments: [pool[0]!],
      put: { spec: spec(id), messages, expect: expected, timeMs },
    });
  }

  const order = async (of: Bench) => (await listed(of)).map(({ id }) => id);

  it('keeps the order of lists, of long conversations and of one moment too', async () => {
    for (let at = 0; at < 12; at++) await put(`c/${at}`, 1_000 + at, at === 3 ? 1_500 : 1);
    for (let at = 0; at < 30; at++) await put(`tie/${(at * 7) % 30}`, 2_000);
    expect(await copy()).toMatchObject({ isComplete: true, differences: [] });
    expect(await order(target())).toEqual(await order(source()));
    await expectEqual();
  });

  it('gives a conversation that was deleted and stored again its new place', async () => {
    for (let at = 0; at < 4; at++) await put(`c/${at}`, 1_000 + at);
    await copy();
    await source().backend.commit({ delete: { id: 'c/1', timeMs: 2_000 } });
    await put('c/1', 2_000);
    expect(await copy()).toMatchObject({ isComplete: true, differences: [], passes: [{ copied: 1 }] });
    expect(await order(target())).toEqual(await order(source()));
    await expectEqual();
  });

  it('follows one that was stored again in the moment of the former, with other fields', async () => {
    await put('c', 1_000);
    await copy();
    await source().backend.commit({ delete: { id: 'c', timeMs: 1_000 } });
    const fields = { model: 'another' };
    await source().backend.commit({
      newSegments: [pool[0]!],
      put: {
        ...{ spec: spec('c', fields), messages: [message('user', pool[0]!)], timeMs: 1_000 },
        expect: { kind: 'absentOrSame' },
      },
    });
    expect(await copy()).toMatchObject({ isComplete: true, differences: [], passes: [{ copied: 1 }] });
    await expectEqual();
  });

  it('compares metadata by keys, whatever their order and commas', async () => {
    const metadata = { 'a,b': 'c', a: 'b,c' };
    await source().backend.commit({
      put: { spec: spec('c', { metadata }), messages: [], expect: { kind: 'absentOrSame' }, timeMs: 1_000 },
    });
    expect(await copy()).toMatchObject({ isComplete: true, differences: [] });
    expect(await copy()).toMatchObject({ isComplete: true, differences: [], passes: [{ copied: 0 }] });
  });

  it('is complete with a conversation that comes to an earlier place', async () => {
    for (let at = 0; at < 4; at++) await put(`c/${at}`, 1_000 + at);
    await copy();
    await target().backend.commit({ delete: { id: 'c/1', timeMs: 2_000 } });
    expect(await copy()).toMatchObject({ isComplete: true, differences: [], passes: [{ copied: 1 }] });
    expect(await copy()).toMatchObject({ passes: [{ copied: 0 }] });
  });

  it('deletes nothing from a vault that a server has opened meanwhile', async () => {
    await put('c', 1_000);
    requireCopy = () => Promise.reject(new Error('opened'));
    await target().backend.commit({
      put: { spec: spec('own'), messages: [], expect: { kind: 'absentOrSame' }, timeMs: 1 },
    });
    await expect(copy()).rejects.toThrow('opened');
    expect(await order(target())).toEqual(['own']);
  });

  it('names the conversations that it cannot read, and copies the others', async () => {
    await fill();
    const { backend } = source();
    const [bad] = await backend.findSegments([pool[12]!.hash]);
    const failing: Pick<typeof backend, 'readFrames'> = {
      readFrames: async (keys) => {
        if (keys.includes(bad!.key)) await backend.readFrames([String(2 ** 40) as never]);
        return backend.readFrames(keys);
      },
    };
    const damaged = new Proxy(backend, {
      get: (of, name) => {
        const value: unknown = name === 'readFrames' ? failing.readFrames : Reflect.get(of, name);
        return typeof value === 'function' ? (value.bind(of) as unknown) : value;
      },
    });
    const { passes, isComplete } = await copy({ backend: damaged });
    const missing = passes[0]!.faults.map(({ id }) => id);
    expect(missing.length).toBeGreaterThan(0);
    expect(isComplete).toBe(false);
    for (const { id } of await listed(source()))
      expect([id, (await target().backend.getConversation(id)) === undefined]).toEqual([
        id,
        missing.includes(id),
      ]);
  });

  it('says where it differs', async () => {
    await fill();
    await copy();
    await target().backend.commit({ delete: { id: 'c/2', timeMs: 3_000 } });
    await target().backend.commit({
      append: { id: 'c/9', messages: [message('user', pool[0]!)], timeMs: 3_000 },
    });
    const { backend, codec } = source();
    // A source that lists nothing to copy, and all to compare.
    let lists = 0;
    const comparing = new Proxy(backend, {
      get: (of, name) => {
        if (name === 'listConversations')
          return async (query: Parameters<typeof of.listConversations>[0]) =>
            ++lists === 1 ? { conversations: [], next: undefined } : of.listConversations(query);
        const value: unknown = Reflect.get(of, name);
        return typeof value === 'function' ? (value.bind(of) as unknown) : value;
      },
    });
    const { differences } = await copy({ backend: comparing, codec });
    expect(differences).toEqual([
      { id: 'c/2', detail: 'the copy is not there' },
      { id: 'c/9', detail: 'the copy has another revision' },
    ]);
  });
});

/** Puts a registry, and replaces frames by frames of it. */
async function rewrite({ backend, codec }: Bench): Promise<void> {
  await backend.commit({ putRegistry: { bytes: trained, timeMs: 1_500 } });
  const { segments } = await backend.scanSegments({ limit: 1_000, bytesMax: Infinity });
  const replaceFrames = segments.slice(10).map(({ key, frame }) => ({
    key,
    expected: frame,
    frame: codec.encode(codec.decode(frame)),
  }));
  await backend.commit({ replaceFrames });
}

async function listed({ backend }: Bench) {
  const query = { filter: {}, order: 'earliestStoreFirst', limit: 1_000, scanLimit: 1_000 } as const;
  return (await backend.listConversations(query)).conversations;
}

/** Leaves out what counts copies of segments, and frames, which copies may have of their own. */
function withoutCopies(content: Awaited<ReturnType<typeof contentOf>>) {
  const counted = new Set(['segments', 'uniqueTokens', 'segmentBytes', 'frames']);
  return JSON.parse(
    JSON.stringify(content, (key, value: unknown) => (counted.has(key) ? undefined : value)),
  ) as unknown;
}

/** Returns all that a copy has of a vault. */
async function contentOf(bench: Bench) {
  const { backend } = bench;
  const conversations = await listed(bench);
  const contents = [];
  for (const { id } of conversations) {
    const content = await read(backend, await backend.openConversation(id));
    // Keys are the backend's own.
    const messages = content?.messages.map(({ fields, ...rest }) => ({ ...rest, fields: fields?.length }));
    contents.push({ ...content, messages });
  }
  const references = (await backend.listReferences?.({ limit: 1_000 }))?.references.map(
    ({ hash, holder }) => `${hash} ${holder}`,
  );
  const { segments, tokens, uniqueTokens, segmentBytes } = await backend.stats();
  const registries = (await backend.listRegistries()).map(({ id, createTimeMs }) => [id, createTimeMs]);
  return {
    conversations,
    contents,
    references: references?.sort(),
    segments,
    tokens,
    uniqueTokens,
    segmentBytes,
    registries,
  };
}
