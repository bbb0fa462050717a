import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { extraFields, seal, unseal, type Content } from '../../src/model/index.js';

const json = fc.jsonValue().filter((value) => value !== null && !isEmptyList(value));
const isEmptyList = (value: unknown) => Array.isArray(value) && value.length === 0;

/** Plain text, and text that looks like an envelope, also one within another. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', '{"content":', '{"content":"a","tool_calls":[1]}', '{"content":null,"refusal":"no"}'),
  fc
    .string()
    .map((inner) => JSON.stringify({ content: JSON.stringify({ content: inner, tool_calls: [1] }) })),
);
const content: fc.Arbitrary<Content> = fc
  .record(
    {
      content: fc.option(text, { nil: null }),
      ...Object.fromEntries(extraFields.map((field) => [field, json])),
    },
    { requiredKeys: ['content'] },
  )
  .filter((value) => value.content !== null || Object.keys(value).length > 1);

describe('the envelope', () => {
  it('gives back what was put in', () => {
    fc.assert(
      fc.property(content, (said) => {
        expect(unseal(seal(said))).toEqual(JSON.parse(JSON.stringify(said)));
      }),
    );
  });

  it('leaves ordinary text alone', () => {
    fc.assert(
      fc.property(
        fc.string().filter((plain) => !plain.startsWith('{"content":')),
        (plain) => {
          expect(seal({ content: plain })).toBe(plain);
        },
      ),
    );
  });

  it('takes no text for an envelope that it would not write itself', () => {
    for (const plain of [
      '{"content": "a", "tool_calls": [1]}',
      '{"content":"a","other":1}',
      '{"content":"a","refusal":"no","tool_calls":[1]}',
      '{"content":"a","tool_calls":[]}',
      '{"content":1,"tool_calls":[1]}',
      '{"content":"a"}',
      '{"content":',
    ]) {
      expect(unseal(plain)).toEqual({ content: plain });
      expect(seal({ content: plain })).toBe(plain);
    }
  });
});
