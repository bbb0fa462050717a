import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { limits } from '../../src/model/index.js';
import { automatonOf, FOUND } from '../../src/vault/search/automaton.js';
import { caseVariants, foldCase, noVariants } from '../../src/text/index.js';
import { Needle, type NeedleOptions } from '../../src/vault/search/needle.js';
import { openStoredVault } from '../support/stored-vault.js';
import { sampleOr } from '../support/sample.js';
import { collectAll, partsOf, say, signal, spec, type TestVault, wordsOf } from '../support/vault.js';
import { anything, mixed, run } from '../text/letters.js';

const plain = { ignoreCase: false, wholeWords: false };
type Rules = Omit<NeedleOptions, 'text'>;

/** A text, by its characters. */
interface Text {
  readonly points: readonly string[];
  readonly folded: readonly string[];
}

const textOf = (text: string): Text => {
  const points = Array.from(text);
  return { points, folded: points.map(folded) };
};

function folded(character: string): string {
  const other = character.toUpperCase().toLowerCase();
  return other.length === character.length ? other : character;
}

/** Finds places as the contract says, in the simplest way: character by character. */
function placesIn(text: Text, { text: needle, ignoreCase, wholeWords }: NeedleOptions): number[] {
  const { points } = text;
  const searched = ignoreCase ? text.folded : points;
  const wanted = ignoreCase ? Array.from(needle, folded) : Array.from(needle);
  const isWord = (at: number) => /[\p{L}\p{M}\p{N}_]/u.test(points[at] ?? '');
  const places: number[] = [];
  for (let at = 0; at + wanted.length <= points.length; at++) {
    if (searched[at] !== wanted[0]) continue;
    if (!wanted.every((character, index) => character === searched[at + index])) continue;
    if (wholeWords && (isWord(at - 1) || isWord(at + wanted.length))) continue;
    places.push(at);
    at += wanted.length - 1;
  }
  return places;
}

async function search({ vault }: TestVault, text: string, rules: Rules = plain, limit = 1e6) {
  const input = { text, ...rules, filter: {}, limit };
  const parts = await collectAll(vault.search(input, signal));
  const hits = parts.flatMap((part) => part.hits);
  return {
    places: hits.map(
      ({ conversationId, messageIndex, offset }) => `${conversationId} ${messageIndex} ${offset}`,
    ),
    ...parts.at(-1)!,
  };
}

/** Text of each message, newest conversation first. */
async function textsOf({ vault }: TestVault, ids: readonly string[]) {
  const texts: { id: string; index: number; text: string }[] = [];
  for (const id of [...ids].reverse()) {
    for await (const part of partsOf(vault.retrieve({ id, encoding: 'text' }, signal))) {
      if (part.kind !== 'chunk') continue;
      const text = part.content?.kind === 'text' ? part.content.text : '';
      const last = texts.at(-1);
      if (last?.id === id && last.index === part.messageIndex) last.text += text;
      else texts.push({ id, index: part.messageIndex, text });
    }
  }
  return texts.map((each) => ({ ...each, ...textOf(each.text) }));
}

const scanned = (texts: Awaited<ReturnType<typeof textsOf>>, needle: NeedleOptions) =>
  texts.flatMap((text) => placesIn(text, needle).map((place) => `${text.id} ${text.index} ${place}`));

const rules = fc.record({ ignoreCase: fc.boolean(), wholeWords: fc.boolean() });
const letter = fc.oneof(mixed, run, anything);

describe.each(['lmdb', 'filesystem'] as const)('a search in %s', (kind) => {
  let t: TestVault;
  let texts: Awaited<ReturnType<typeof textsOf>>;
  let borders: string[];
  const tokenizers = ['o200k_base', 'cl100k_base'];

  beforeAll(async () => {
    t = await openStoredVault(kind);
    const random = { numRuns: 30, seed: 17 };
    const messages = fc.sample(fc.array(letter, { minLength: 1, maxLength: 4 }), random);
    // Tokens in any order: their bytes are no text in many places.
    const tokens = fc.sample(fc.array(fc.nat(100_000), { maxLength: 40 }), random);
    const ids: string[] = [];
    for (const [number, some] of messages.entries()) {
      const id = `c${number}`;
      const shared = messages[number % 7]!.map((text) => say('user', text));
      const said = [...shared, ...some.map((text) => say('user', text)), say('tool', tokens[number])];
      const tokenizer = tokenizers[number % 2]!;
      await t.vault.store({ spec: spec(id, { tokenizer }), messages: said }, signal);
      t.clock.nowMs += 1000;
      ids.push(id);
    }
    borders = await storeLong(t, 'long', fc.sample(letter, { numRuns: 400, seed: 4 }).join(' '));
    ids.push('long');
    texts = await textsOf(t, ids);
  });
  afterAll(() => t.close());

  it('finds what a scan of all text finds', async () => {
    const part = fc
      .tuple(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 30 }))
      .map(([message, from, length]) => {
        const { points } = texts[message % texts.length]!;
        const begin = from % Math.max(1, points.length);
        return points.slice(begin, begin + length).join('');
      });
    const needle = fc
      .oneof({ weight: 4, arbitrary: part }, letter)
      .map(atMost)
      .filter((text) => text !== '');
    await fc.assert(
      fc.asyncProperty(needle, rules, async (text, which) => {
        const { places, unsearched } = await search(t, text, which);
        expect(places).toEqual(scanned(texts, { text, ...which }));
        expect(unsearched).toBe(0);
      }),
      { numRuns: sampleOr(30, 2000) },
    );
  });

  it('finds what crosses the segments of a message', async () => {
    expect(borders.length).toBeGreaterThan(3);
    for (const text of borders) {
      const { places } = await search(t, text);
      expect(places).toEqual(scanned(texts, { text, ...plain }));
      expect(places.some((place) => place.startsWith('long'))).toBe(true);
    }
  });

  it('goes on with a token, with one place more each time', async () => {
    const all = (await search(t, 'ing', { ...plain, ignoreCase: true })).places.slice(0, 12);
    const found: string[] = [];
    let after = {};
    while (found.length < all.length) {
      const input = { text: 'ing', ignoreCase: true, wholeWords: false, filter: {}, limit: 1, ...after };
      const parts = await collectAll(t.vault.search(input, signal));
      for (const { conversationId, messageIndex, offset } of parts.flatMap(({ hits }) => hits))
        found.push(`${conversationId} ${messageIndex} ${offset}`);
      after = { after: parts.at(-1)!.next };
    }
    expect(found).toEqual(all);
  });
});

/** Stores a long message, and returns texts that stand where its segments meet. */
async function storeLong(t: TestVault, id: string, text: string): Promise<string[]> {
  const { le32 } = await t.tokenizers.encode('o200k_base', [Buffer.from(text)], signal);
  const some = new Uint32Array(le32[0]!.slice().buffer);
  const copies = Math.ceil((3 * limits.segmentWholeTokensMax) / some.length);
  const tokens = Array.from({ length: copies }, () => [...some]).flat();
  await t.vault.store({ spec: spec(id), messages: [say('user', tokens)] }, signal);
  const [decoded] = await t.tokenizers.decode('o200k_base', [{ le32: wordsOf(tokens), last: true }], signal, {
    exact: false,
    ends: true,
  });
  const bytes = Buffer.from(decoded!.text);
  const points = Array.from(decoded!.text);
  const snapshot = (await t.backend.openConversation(id))!;
  const [message] = await snapshot.read(0, 1);
  snapshot.release();
  let count = 0;
  return message!.segments.slice(0, -1).map(({ tokenCount }, index) => {
    count += tokenCount;
    let border = decoded!.ends![count - 1]!;
    while ((bytes[border]! & 0xc0) === 0x80) border--;
    const at = Array.from(bytes.toString('utf8', 0, border)).length;
    return points.slice(at - 1 - (index % 9), at + 1 + (index % 7)).join('');
  });
}

function atMost(text: string): string {
  return Array.from(text).slice(0, 200).join('');
}

describe('messages that are no text', () => {
  it('are counted, and found where they are', async () => {
    const t = await openStoredVault('memory');
    const unknown = 4_000_000;
    await t.vault.store(
      { spec: spec('a'), messages: [say('user', [unknown]), say('user', 'the needle')] },
      signal,
    );
    await t.vault.store({ spec: spec('b', { tokenizer: '' }), messages: [say('user', [1, 2])] }, signal);
    await t.vault.store({ spec: spec('c'), messages: [say('user', 'needle'), say('user')] }, signal);
    // Half of a character: its bytes are no text.
    const { le32 } = await t.tokenizers.encode('o200k_base', [Buffer.from('\u{2f9f4}')], signal);
    const half = new Uint32Array(le32[0]!.slice().buffer)[0]!;
    await t.vault.store({ spec: spec('d'), messages: [say('user', [half])] }, signal);
    const found = await search(t, 'needle');
    expect(found.places).toEqual(['c 0 0', 'a 1 4']);
    expect(found).toMatchObject({ conversations: 4, unsearched: 2 });
    expect((await search(t, '\ufffd')).places).toEqual(['d 0 0']);
    await t.close();
  });
});

describe('the automaton of a needle', () => {
  const behind = (bytes: Uint8Array, characters: readonly (readonly string[])[]) => {
    const { next } = automatonOf(characters);
    let state = 0;
    for (const byte of bytes) if (state !== FOUND) state = next[256 * state + byte]!;
    return state;
  };
  const few = fc.string({
    unit: fc.constantFrom('a', 'b', 'A', 'é', '焦', '虑', '🙂', 'ſ', 's'),
    maxLength: 60,
  });

  it('finds it in bytes, exactly', async () => {
    const variants = await caseVariants();
    fc.assert(
      fc.property(
        few,
        few,
        fc.nat(50),
        fc.integer({ min: 1, max: 6 }),
        fc.boolean(),
        (text, other, from, length, ignoreCase) => {
          const wanted =
            Array.from(text)
              .slice(from % Math.max(1, text.length))
              .slice(0, length)
              .join('') || 'a';
          const needle = new Needle({ text: wanted, ignoreCase, wholeWords: false });
          const characters = needle.characters(ignoreCase ? variants : noVariants)!;
          for (const each of [text, other, other + text]) {
            const isIn = placesIn(textOf(each), { text: wanted, ignoreCase, wholeWords: false }).length > 0;
            expect(behind(Buffer.from(each), characters) === FOUND).toBe(isIn);
          }
        },
      ),
      { numRuns: sampleOr(500, 50_000) },
    );
  });

  it('finds the beginning of a long one', () => {
    const long = '焦虑abé'.repeat(90);
    const characters = Array.from(long, (character) => [character]);
    expect(behind(Buffer.from(`x${long}`), characters)).toBe(FOUND);
    expect(behind(Buffer.from(long.slice(1)), characters)).toBe(FOUND);
    expect(behind(Buffer.from(long.slice(0, 30).repeat(2)), characters)).not.toBe(FOUND);
    for (const one of ['a', '焦', '🙂']) {
      const many = Array.from({ length: 300 }, () => [one]);
      expect(behind(Buffer.from(one.repeat(300)), many)).toBe(FOUND);
      expect(behind(Buffer.from(one.repeat(50)), many)).not.toBe(FOUND);
    }
  });
});

describe('variants of case', () => {
  it('are all characters that are folded to one', async () => {
    const variants = await caseVariants();
    for (let code = 0x80; code <= 0x10_ffff; code++) {
      const character = String.fromCodePoint(code);
      if (character.toLowerCase() === character && character.toUpperCase() === character) continue;
      const folded = foldCase(character);
      if (folded !== character) expect(variants.get(folded), character).toContain(character);
    }
    for (const [folded, characters] of variants)
      for (const character of characters) expect(foldCase(character)).toBe(folded);
  });
});
