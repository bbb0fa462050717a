import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLmdbBackend } from '../../src/storage/index.js';
import type { SimilarInput } from '../../src/vault/index.js';
import { bandHashes, bandsFor, addToSketch, emptySketch } from '../../src/vault/similar/sketch.js';
import { shingleTokens } from '../../src/text/shingles.js';
import { temporaryFolder, type TemporaryFolder } from '../storage/faults/support.js';
import { randomFrom } from '../support/random.js';
import { sampleOr } from '../support/sample.js';
import { collectAll, openTestVault, say, signal, spec, type TestVault, wordsOf } from '../support/vault.js';

let folder: TemporaryFolder;
let t: TestVault;
beforeEach(async () => (folder = await temporaryFolder()));
afterEach(() => folder.remove());

const open = (kind: 'memory' | 'lmdb') =>
  kind === 'memory'
    ? openTestVault()
    : openTestVault((codec, clock) =>
        openLmdbBackend({ folder: folder.path, codec, clock, durability: 'relaxed' }),
      );

const store = (id: string, messages: readonly (readonly number[])[], fields = {}) =>
  t.vault.store({ spec: spec(id, fields), messages: messages.map((tokens) => say('user', tokens)) }, signal);

type Query = Partial<SimilarInput> & Pick<SimilarInput, 'target'>;
const find = (query: Query) =>
  t.vault.similar({ threshold: 0.8, filter: {}, order: 'similarity', limit: 1000, ...query }, signal);
const similarTo = async (id: string, query: Partial<SimilarInput> = {}) => {
  const { matches } = await find({ target: { kind: 'conversation', id }, ...query });
  return matches.map(({ conversation, similarity }) => ({ id: conversation!.id, similarity }));
};

/** Returns the shingles by the words of the contract: those of each message, which is one segment here. */
function shinglesOf(messages: readonly (readonly number[])[]): Set<string> {
  const all = new Set<string>();
  for (const tokens of messages) {
    if (tokens.length > 0 && tokens.length < shingleTokens) all.add(tokens.join());
    for (let at = 0; at + shingleTokens <= tokens.length; at++)
      all.add(tokens.slice(at, at + shingleTokens).join());
  }
  return all;
}

function jaccard(one: ReadonlySet<string>, other: ReadonlySet<string>): number {
  const shared = [...one].filter((shingle) => other.has(shingle)).length;
  return shared / (one.size + other.size - shared || 1);
}

/** Messages of few tokens, so that shingles repeat inside of one and among all. */
const message = fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 24 });
const conversation = fc.array(message, { minLength: 1, maxLength: 4 });
const conversations = fc.array(conversation, { minLength: 2, maxLength: 10 });
const percent = fc.integer({ min: 1, max: 100 });

describe.each(['memory', 'lmdb'] as const)('similar content in %s', (kind) => {
  it('finds what a comparison of all shingles finds, and nothing else', async () => {
    t = await open(kind);
    let run = 0;
    await fc.assert(
      fc.asyncProperty(conversations, percent, async (given, threshold) => {
        run += 1;
        const application = `run ${run}`;
        // The second is a part of the first, with one token changed.
        const all = [given[0]!, given[0]!.map((tokens) => [...tokens.slice(1), 7]), ...given.slice(1)];
        for (const [index, messages] of all.entries())
          await store(`${run}-${index}`, messages, { application });
        const sets = all.map(shinglesOf);
        for (const [index, set] of sets.entries()) {
          const expected = sets
            .map((other, at) => ({ id: `${run}-${at}`, similarity: jaccard(set, other) }))
            .filter(({ similarity }, at) => at !== index && similarity >= threshold / 100)
            .reverse()
            .sort((a, b) => b.similarity - a.similarity);
          const query = { threshold: threshold / 100, filter: { application } };
          expect(await similarTo(`${run}-${index}`, query)).toEqual(expected);
        }
      }),
      { numRuns: sampleOr(kind === 'lmdb' ? 25 : 40, 500) },
    );
    await t.close();
  });

  it('groups by the oldest, with exact similarities, and joins no conversation twice', async () => {
    t = await open(kind);
    let run = 0;
    await fc.assert(
      fc.asyncProperty(conversations, fc.integer({ min: 50, max: 100 }), async (given, threshold) => {
        run += 1;
        const application = `run ${run}`;
        const all = [...given, ...given.map((messages) => [...messages, [1, 1, 1, 1, 1, 1]]), given[0]!];
        for (const [index, messages] of all.entries())
          await store(`${run}-${index}`, messages, { application });
        const setOf = (id: string) => shinglesOf(all[Number(id.split('-')[1])]!);
        const input = { filter: { application }, threshold: threshold / 100, limit: 1000 };
        const parts = await collectAll(t.vault.duplicates(input, signal));
        const groups = parts.flatMap(({ group }) => group ?? []);
        const named = groups.flatMap(({ id, duplicates }) => [id, ...duplicates.map((one) => one.id)]);
        expect(new Set(named).size).toBe(named.length);
        for (const { id, duplicates } of groups) {
          for (const { id: other, similarity } of duplicates) {
            expect(similarity).toBe(jaccard(setOf(id), setOf(other)));
            expect(similarity).toBeGreaterThanOrEqual(threshold / 100);
            expect(Number(other.split('-')[1])).toBeGreaterThan(Number(id.split('-')[1]));
          }
        }
        // Copies are always found.
        if (setOf(`${run}-0`).size > 0) expect(named).toContain(`${run}-${all.length - 1}`);
        expect(parts.at(-1)!.conversations).toBe(all.length);
      }),
      { numRuns: sampleOr(kind === 'lmdb' ? 15 : 25, 300) },
    );
    await t.close();
  });

  it('compares segments with segments, and given content as a stored message', async () => {
    t = await open(kind);
    const long = Array.from({ length: 30_000 }, (_, index) => (index * index) % 50_021);
    const { segments } = await storedSegments([long, long.slice(0, 500), [...long.slice(0, 490), 9, 9]]);
    const words = { kind: 'le32', bytes: wordsOf(long) } as const;
    const { matches } = await find({ target: { kind: 'content', content: words, tokenizer: '' } });
    expect(matches).toMatchObject([{ similarity: 1, tokenCount: 30_000, conversation: { id: 'c0' } }]);
    const text = { kind: 'text', utf8: Buffer.from('Hello, how are you today?') } as const;
    await t.vault.store({ spec: spec('text'), messages: [say('user', text)] }, signal);
    const found = await find({ target: { kind: 'content', content: text, tokenizer: 'o200k_base' } });
    expect(found.matches).toMatchObject([{ similarity: 1, conversation: { id: 'text' } }]);
    const target = { kind: 'segment', hash: segments[1]! } as const;
    const near = await find({ target });
    const expected = jaccard(shinglesOf([long.slice(0, 500)]), shinglesOf([[...long.slice(0, 490), 9, 9]]));
    expect(near.matches).toMatchObject([{ segment: segments[2], tokenCount: 492, similarity: expected }]);
    expect((await find({ target, threshold: 1 })).matches).toEqual([]);
    const unknown = { kind: 'segment', hash: '0'.repeat(64) as (typeof segments)[number] } as const;
    await expect(find({ target: unknown })).rejects.toMatchObject({ reason: 'SEGMENT_NOT_FOUND' });
    await expect(similarTo('nobody')).rejects.toMatchObject({ reason: 'CONVERSATION_NOT_FOUND' });
    await t.close();
  });

  it('answers the newest first and no more than asked for, filters, and stops when it is cancelled', async () => {
    t = await open(kind);
    const tokens = Array.from({ length: 100 }, (_, index) => index);
    for (let number = 0; number < 6; number++) {
      t.clock.nowMs += 1000;
      await store(`c${number}`, [[...tokens, number]], { application: number < 5 ? 'a' : 'b' });
    }
    await store('empty', [[]]);
    const newest = await similarTo('c1', { order: 'newest', limit: 2 });
    expect(newest.map(({ id }) => id)).toEqual(['c5', 'c4']);
    expect(await similarTo('c1', { filter: { application: 'b' } })).toHaveLength(1);
    expect(await similarTo('c1', { limit: 3 })).toHaveLength(3);
    expect(await similarTo('empty')).toEqual([]);
    const cancelled = AbortSignal.abort();
    const input = { threshold: 0.8, filter: {}, order: 'similarity', limit: 1 } as const;
    const call = t.vault.similar({ ...input, target: { kind: 'conversation', id: 'c1' } }, cancelled);
    await expect(call).rejects.toThrow();
    await expect(collectAll(t.vault.duplicates(input, cancelled))).rejects.toThrow();
    await t.close();
  });
});

/** Stores messages, each as a conversation; returns the hash of the first segment of each. */
async function storedSegments(messages: readonly (readonly number[])[]) {
  const segments = [];
  for (const [index, tokens] of messages.entries()) {
    await store(`c${index}`, [tokens]);
    const described = await t.vault.getWithMessages(`c${index}`, { messageOffset: 0, messageLimit: 1 });
    segments.push(described.messages[0]!.segments[0]!.hash);
  }
  return { segments };
}

describe('sketches', () => {
  it.each([0.5, 0.8, 0.9])('give pairs with a Jaccard index near %d a band in common', (threshold) => {
    const random = randomFrom(17);
    const bands = bandsFor(threshold);
    let missed = 0;
    let pairs = 0;
    while (pairs < sampleOr(200, 4000)) {
      const length = 40 + random.below(600);
      const one = Array.from({ length }, () => random.below(50_000));
      const other = one.slice();
      // Edits that lie apart change five shingles each.
      const edits = ((1 - threshold) / (5 * (1 + threshold))) * length;
      for (let edit = 0; edit < edits; edit++) other[random.below(length)] = 1;
      const similarity = jaccard(shinglesOf([one]), shinglesOf([other]));
      if (similarity < threshold || similarity > threshold + 0.05) continue;
      pairs += 1;
      const [a, b] = [one, other].map((tokens) => {
        const sketch = emptySketch();
        addToSketch(sketch, Uint32Array.from(tokens));
        return bandHashes(sketch, bands);
      });
      if (!a!.some((hash, index) => hash === b![index])) missed += 1;
    }
    expect(missed / pairs).toBeLessThan(0.02);
  });
});
