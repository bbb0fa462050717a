// A registry, read by the description in docs/formats/codec.md, in plain TypeScript.
import { crc32 } from './crc32.js';
import { BinaryReader } from './binary-coder.js';
import { decodeBlock } from './frame.js';

export const END = 0;
export const MATCH = 1;
export const UNSEEN = 2;
export const ESCAPE = -1;
export const CLASSES = 64;
export const ORDINARY_CLASSES = 61;

/** Values with the begin of each one's share; the last start is the sum. */
export interface Table {
  readonly values: readonly number[];
  readonly starts: readonly number[];
}

export interface TwinRegistry {
  readonly id: number;
  /** Tokens that matches may reach before the segment. */
  readonly text: readonly number[];
  /** Tokens by symbol; none for END, MATCH and UNSEEN. */
  readonly spellings: readonly (readonly number[])[];
  /** Symbols and their shares of 2^15, by class. */
  readonly classes: readonly Table[];
  /** Classes and their shares of 2^12, by context class. */
  readonly classTables: readonly Table[];
  readonly distances: Table;
  readonly lengths: Table;
  readonly textLengths: Table;
  readonly unseen: Table;
  /** By token, 'start' or 'unseen'. */
  readonly contexts: Contexts;
}

interface Context {
  readonly followers: Table | undefined;
  readonly contextClass: number;
}
type Contexts = ReadonlyMap<number | 'start' | 'unseen', Context>;

function spread(codes: readonly number[], bits: number, values: readonly number[]): Table {
  const weights = codes.map((code) => {
    const octave = 1n << BigInt(code >> 1);
    return code % 2 === 1 ? (octave * 46341n) >> 15n : octave;
  });
  const sum = weights.reduce((a, b) => a + b, 0n);
  const spare = BigInt(2 ** bits - codes.length);
  const shares = weights.map((weight) => 1 + Number((weight * spare) / sum));
  const heaviest = codes.indexOf(Math.max(...codes));
  if (heaviest >= 0) shares[heaviest]! += 2 ** bits - shares.reduce((a, b) => a + b, 0);
  const starts = [0];
  for (const share of shares) starts.push(starts.at(-1)! + share);
  return { values, starts };
}

/** END, the last entry of a table, has the first share. */
function lastFirst(list: readonly number[]): number[] {
  return [...list.slice(-1), ...list.slice(0, -1)];
}

export function readRegistry(bytes: Uint8Array): TwinRegistry {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = bytes.length - 4;
  if (Buffer.from(bytes.subarray(0, 4)).toString() !== 'STKR' || bytes[4] !== 1)
    throw new Error('not a registry');
  if (view.getUint32(end, true) !== crc32(bytes.subarray(0, end))) throw new Error('wrong checksum');
  const codedEnd = 13 + view.getUint32(9, true);
  const reader = new BinaryReader(bytes.subarray(13, codedEnd));
  // The models of docs/formats/codec.md, one after the other.
  let next = 0;
  const models = (count: number) => (next += count) - count;
  const m = {
    counts: models(64),
    token: models(64),
    weight: models(4096),
    class: models(128),
    contextClass: models(4096),
    phraseLength: models(64),
    firstPart: models(64),
    part: models(64),
    table: models(4096),
    followers: models(4096),
    escape: models(64),
    followerClass: models(4096),
    rank: models(4096),
    rankStep: models(4096),
    frequency: models(1024),
  };
  const tokenCount = reader.number(m.counts);
  const phraseCount = reader.number(m.counts);
  const followerCount = reader.number(m.counts);
  const poolTokens = reader.number(m.counts);
  const textTokens = reader.number(m.counts);

  const definitions: { spelling: number[]; class: number; weight: number }[] = [];
  const define = (spelling: number[], kind: number) => {
    const c = reader.tree(m.class + kind * 64, 6);
    definitions.push({ spelling, class: c, weight: reader.tree(m.weight + c * 64, 6) });
    return c;
  };
  const keys: (number | 'start' | 'unseen')[] = [];
  const contextClasses: number[] = [];
  for (let token = -1; keys.length < tokenCount;) {
    token += 1 + reader.number(m.token);
    const c = define([token], 0);
    keys.push(token);
    contextClasses.push(reader.tree(m.contextClass + c * 64, 6));
  }
  keys.push('start', 'unseen');
  contextClasses.push(reader.raw(6), reader.raw(6));

  let length = 2;
  let first = 0;
  let spelled = 0;
  for (let phrase = 0; phrase < phraseCount; phrase++) {
    const step = reader.number(m.phraseLength);
    if (step > 0) first = 0;
    length += step;
    first += reader.number(m.firstPart);
    const spelling = [...definitions[first]!.spelling];
    while (spelling.length < length) spelling.push(...definitions[reader.number(m.part)]!.spelling);
    define(spelling, 1);
    spelled += spelling.length;
  }
  if (spelled !== poolTokens) throw new Error('phrases of another length');

  const ranked = Array.from({ length: ORDINARY_CLASSES }, (_, c) =>
    definitions.filter((definition) => definition.class === c).sort((a, b) => b.weight - a.weight),
  );
  const spellings: (readonly number[])[] = [[], [], []];
  const classes = ranked.map((members) => {
    const symbols = members.map((member) => spellings.push(member.spelling) - 1);
    return spread(
      members.map((member) => member.weight),
      15,
      symbols,
    );
  });

  const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);
  const classTables = numbers(CLASSES).map(() =>
    spread(
      lastFirst(numbers(CLASSES).map((g) => reader.tree(m.table + g * 64, 6))),
      12,
      lastFirst(numbers(CLASSES)),
    ),
  );
  const plain = (count: number) =>
    spread(
      numbers(count).map(() => reader.raw(6)),
      12,
      numbers(count),
    );
  const [distances, lengths, textLengths, unseen] = [plain(21), plain(46), plain(46), plain(33)];

  let followersLeft = followerCount;
  const contexts: Contexts = new Map(
    keys.map((key, index): [typeof key, Context] => {
      const contextClass = contextClasses[index]!;
      const count = reader.number(m.followers + contextClass * 64);
      followersLeft -= count;
      if (count === 0) return [key, { followers: undefined, contextClass }];
      const codes = [reader.tree(m.escape, 6)];
      const values = [ESCAPE];
      const frequency = m.frequency + (32 - Math.clz32(count)) * 64;
      for (let i = 0, previous = -1, rank = 0; i < count; i++) {
        const g = reader.tree(m.followerClass + contextClass * 64, 6);
        rank =
          g === previous ? rank + 1 + reader.number(m.rankStep + g * 64) : reader.number(m.rank + g * 64);
        previous = g;
        values.push(g < ORDINARY_CLASSES ? classes[g]!.values[rank]! : CLASSES - 1 - g);
        codes.push(reader.tree(frequency, 6));
      }
      const endsFirst = values.at(-1) === END;
      const followers = endsFirst
        ? spread(lastFirst(codes), 12, lastFirst(values))
        : spread(codes, 12, values);
      return [key, { followers, contextClass }];
    }),
  );
  if (followersLeft !== 0 || !reader.finished) throw new Error('more or less than it says');
  const registry = {
    text: [] as number[],
    id: view.getUint32(5, true),
    spellings,
    classes,
    classTables,
    distances,
    lengths,
    textLengths,
    unseen,
    contexts,
  };
  for (let at = codedEnd; at < end;) {
    const blockEnd = at + 4 + view.getUint32(at, true);
    registry.text.push(...decodeBlock(registry, bytes.subarray(at + 4, blockEnd)));
    at = blockEnd;
  }
  if (registry.text.length !== textTokens) throw new Error('a text of another length');
  return registry;
}
