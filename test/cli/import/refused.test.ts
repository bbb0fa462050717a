import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BadLine } from '../../../src/cli/import/bad-line.js';
import { parseDocument, withoutStacks } from '../../../src/cli/import/parse.js';
import { mayHoldObject } from '../../../src/cli/import/refused/json-ends.js';
import { LinePattern } from '../../../src/cli/import/refused/line-pattern.js';
import { isNoJson } from '../../../src/cli/import/refused/no-json.js';
import { RefusedLines } from '../../../src/cli/import/refused/refused-lines.js';
import { isObject, readDocument, sessionShapeOf } from '../../../src/cli/import/shapes/index.js';
import { type Random, randomFrom } from '../../support/random.js';
import { sampleOr } from '../../support/sample.js';
import { samples } from './samples/index.js';

/** Returns why a line is refused that is parsed and read; undefined if it is not. */
function refusalOf(bytes: Buffer): BadLine | undefined {
  try {
    const parsed = parseDocument({ number: 1, bytes });
    if (parsed === undefined) return undefined;
    if (isObject(parsed.value) && sessionShapeOf(parsed.value, {})) return undefined;
    readDocument(parsed.value, parsed.json, {});
    return undefined;
  } catch (error) {
    if (error instanceof BadLine) return error;
    throw error;
  }
}

const pick = <T>(random: Random, values: readonly T[]): T => values[random.below(values.length)]!;

const keys = [
  ...[
    'role',
    'content',
    'type',
    'source',
    'messages',
    'text',
    'prompt',
    'data',
    'id',
    'from',
    'value',
    'kwargs',
  ],
  ...['input', 'output', 'level', 'msg', 'n', 'message', 'sessionId', 'uuid', 'author', 'payload', 'history'],
  ...['city', 'price', 'tags', 'box', 'name', 'title', 'timestamp', 'topic', 'rows', 'answers', 'ids'],
];
const texts = [
  ...['""', '"user"', '"agent"', '"function_call"', '"reasoning"', '"human"', '"HumanMessage"', '"summary"'],
  ...[
    '"hello"',
    '"a \\"quoted\\" word"',
    '"four words are enough"',
    '"three words here"',
    '"New York"',
    '"2026-01-02 03:04:05"',
    '"\\u005b{}]"',
    '" [{}]"',
    '"\u3000[1]"',
    '"\u4f60\u597d"',
    '"\u00a0["',
  ],
  '"[{\\"role\\":\\"user\\",\\"content\\":\\"a\\"}]"',
];
const others = [
  ...['0', '7', '-1.5', '1e5', '12345678901234567890', 'true', 'false', 'null', 'NaN', '200018', '-0'],
  ...['0.12345678901234567', '-7.5e-05', '0.30000000000000001', '[0.5, 1, -2e-7]', '[0.25,3]', '[1, 0.5]'],
  ...['[]', '[1, 2, 3]', '["red", "dark blue", null]', '["one of several sentences", 1]'],
];

/** Returns JSON text of a random value. */
function valueOf(random: Random, depth: number): string {
  const kind = random.below(depth > 2 ? 6 : 10);
  if (kind < 4) return pick(random, texts);
  if (kind < 6) return pick(random, others);
  const items = Array.from({ length: random.below(4) });
  if (kind < 8) return `[${items.map(() => valueOf(random, depth + 1)).join(', ')}]`;
  return objectOf(random, depth + 1);
}

function objectOf(random: Random, depth: number): string {
  const some = Array.from({ length: 1 + random.below(4) }, () => pick(random, keys));
  return `{${[...new Set(some)].map((key) => `"${key}":${valueOf(random, depth)}`).join(',')}}`;
}

/** Returns the line with another text or number in some places, or another byte. */
function varied(random: Random, line: string): string {
  return line
    .replace(/: ?("(?:[^"\\]|\\.)*"|-?\d[\d.e]*|true|false|null)/g, (whole) =>
      random.below(3) > 0 ? whole : `:${pick(random, random.below(2) > 0 ? texts : others)}`,
    )
    .replace(/[^]/g, (letter) =>
      random.below(200) > 0 ? letter : pick(random, ['', '}', '"', ',', '\u0001']),
    );
}

describe('lines like those that were refused', () => {
  it('are those that would be refused, for the same reason', () => {
    let known = 0;
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = randomFrom(seed);
        const refused = new RefusedLines();
        const seen = new Set<string>();
        const base =
          random.below(2) > 0 ? objectOf(random, 0) : JSON.stringify(pick(random, samples).document);
        for (let count = 0; count < 20; count++) {
          const line = Buffer.from(count === 0 ? base : varied(random, base));
          const kind = refused.kindOf(line, false);
          const refusal = withoutStacks(() => refusalOf(line));
          if (kind !== undefined) {
            known++;
            expect({ line: String(line), kind: refusal?.kind }).toEqual({ line: String(line), kind });
            expect(seen).toContain(kind);
          } else if (refusal !== undefined) {
            refused.add(line, refusal);
            seen.add(refusal.kind);
          }
        }
      }),
      // A line whose key tells is silent when one byte of the key is another.
      { numRuns: sampleOr(300, 5000), examples: [[2147483622]] },
    );
    expect(known).toBeGreaterThan(300);
  });

  it('have other texts, numbers and truth values, and nothing else', () => {
    const pattern = LinePattern.of(
      Buffer.from('{"level": "info", "type": "a", "id": 1, "on": true, "data": ["x", 1]}'),
      false,
    )!;
    const matches = (line: string) => pattern.matches(Buffer.from(line));
    expect(
      matches('{"level": "\u00fcber \\n", "type": "a", "id": -1.5, "on": false, "data": ["x", 1]}'),
    ).toBe(true);
    expect(matches('{"level": "", "type": "a", "id": 1, "on": true, "data": ["x", 1]}')).toBe(false);
    expect(matches('{"level": "[", "type": "a", "id": 1, "on": true, "data": ["x", 1]}')).toBe(false);
    expect(matches('{"level": "a\\x", "type": "a", "id": 1, "on": true, "data": ["x", 1]}')).toBe(false);
    expect(matches('{"level": "a", "type": "b", "id": 1, "on": true, "data": ["x", 1]}')).toBe(false);
    for (const number of ['1e5', '-8.1e-05', '0.12345678901234566'])
      expect(matches(`{"level": "a", "type": "a", "id": ${number}, "on": true, "data": ["x", 1]}`)).toBe(
        true,
      );
    for (const number of ['1e400', '12345678901234567', '3.14159265358979323846', '1e', '1.5.5', '[1]'])
      expect(matches(`{"level": "a", "type": "a", "id": ${number}, "on": true, "data": ["x", 1]}`)).toBe(
        false,
      );
    expect(matches('{"level": "a", "type": "a", "id": 01, "on": true, "data": ["x", 1]}')).toBe(false);
    expect(matches('{"level": "a", "type": "a", "id": 1, "on": null, "data": ["x", 1]}')).toBe(false);
    expect(matches('{"level": "a", "type": "a", "id": 1, "on": true, "data": ["x", 2]}')).toBe(false);
    expect(matches('{"level": "a", "type": "a", "id": 1, "on": true, "data": ["x", 1]} ')).toBe(false);
  });
});

it('have other lists of numbers that are no token ids', () => {
  const pattern = LinePattern.of(Buffer.from('{"id":1,"data":[0.5, 1,-2e-7],"ids":[1,2]}'), false)!;
  const matches = (line: string) => pattern.matches(Buffer.from(line));
  expect(matches('{"id":7,"data":[-1.25],"ids":[1,2]}')).toBe(true);
  expect(matches('{"id":7,"data":[0.123456789012345678 ],"ids":[1,2]}')).toBe(false);
  for (const list of ['[1,2]', '[1.0,2]', '[]', '[0.5,"a"]', '[0.5,[1]]', '[0.5,]', '[0.5 1]', '[0.5'])
    expect(matches(`{"id":7,"data":${list},"ids":[1,2]}`)).toBe(false);
  expect(matches('{"id":7,"data":[0.5],"ids":[0.5]}')).toBe(false);
});

it('have other values under keys that no shape knows', () => {
  const line = '{"id":7,"city":"New York","price":0.5,"tags":["red",1],"name":"A B"}';
  const pattern = LinePattern.of(Buffer.from(line), true)!;
  const matches = (from: string, to: string) => pattern.matches(Buffer.from(line.replace(from, to)));
  expect(matches('New York', 'Rio de Janeiro')).toBe(true);
  expect(matches('New York', 'x')).toBe(true);
  expect(matches('New York', 'a city of four')).toBe(false);
  expect(matches('New York', 'S\u00e3o Paulo')).toBe(false);
  expect(matches('0.5', '12345678901234567890.5e-400')).toBe(true);
  expect(matches('0.5', '.5')).toBe(false);
  expect(matches('["red",1]', '[]')).toBe(true);
  expect(matches('["red",1]', '[ null, true,"dark blue", -1e5 ]')).toBe(true);
  for (const list of ['[1,]', '["a list of sentences"]', '[[1]]', '[{}]', '[nul]', '[1 2]', '["[1]"]'])
    expect(matches('["red",1]', list)).toBe(false);
  expect(matches('A B', 'B C')).toBe(true);
  expect(matches('7', '12345678901234567890')).toBe(false);
});

it('reads tools of which numbers are kept as they are written', () => {
  const line = (from: string) =>
    Buffer.from(`{"tools": [{"messages": [{"sender": ${from}, "value": "a"}]}], "id": "x"}`);
  const refused = new RefusedLines();
  refused.add(line('5'), refusalOf(line('5')));
  expect([refusalOf(line('5'))?.kind, refusalOf(line('5.0'))]).toEqual([
    'no messages in a shape that is known',
    undefined,
  ]);
  expect(refused.kindOf(line('5.0'), false)).toBeUndefined();
});

describe('lines that are no JSON', () => {
  const parses = (line: Buffer) => refusalOf(line)?.kind !== 'not JSON';

  it('are told from those that a parser takes', () => {
    const json = fc.json({ noUnicodeString: false });
    const change = fc.record({
      at: fc.nat(),
      by: fc.constantFrom('', '"', '{', ']', ',', '1', 'NaN', '\\', '\n', 'é'),
    });
    fc.assert(
      fc.property(json, fc.array(change, { maxLength: 2 }), (text, changes) => {
        let line = `{"a":${text}}`;
        for (const { at, by } of changes) {
          const place = at % line.length;
          line = line.slice(0, place) + by + line.slice(place + 1);
        }
        const bytes = Buffer.from(line);
        if (isNoJson(bytes))
          expect({ line, parses: parses(bytes) && mayHoldObject(bytes) }).toEqual({ line, parses: false });
        // Lines that nothing was done to are JSON.
        if (changes.length === 0) expect(isNoJson(bytes)).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    `{'role': 'user'}`,
    '{role: "user"}',
    '{"a": None}',
    '{"a": "b" "c": 1}',
    '{"a": 1,}',
    '{"a": "tab\there"}',
    '{"a": "\\x41"}',
    '{"a": 1}}',
    '{"a": +1}',
    '{NaN: 1}',
    '{"a": {"b": [1, 2}]}',
  ])('such as %s', (line) => {
    expect(isNoJson(Buffer.from(line))).toBe(true);
    expect(() => parseDocument({ number: 1, bytes: Buffer.from(line) })).toThrow(BadLine);
  });

  it.each([
    ' {"a":1}',
    '{"a":1}\u00a0',
    '{"a":1}\f',
    '{"a":NaN,"b":-Infinity}',
    '{"a":12345678901234567890}',
    '[]',
  ])('are not %j', (line) => expect(isNoJson(Buffer.from(line))).toBe(false));
});

it('tells what is no object by the ends of a line', () => {
  const may = (line: string) => mayHoldObject(Buffer.from(line));
  expect(
    ['', ' ', '{}', ' [] \r', '\u001e{}', '\ufeff{}', '{}\u3000', '{"a":1}\u001e'].map(may),
  ).not.toContain(false);
  expect(['x', '2026-01-01 {}', '{"a":', '{]', '"{}', '{} x'].map(may)).not.toContain(true);
});
