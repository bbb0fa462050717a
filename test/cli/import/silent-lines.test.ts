import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSilent } from '../../../src/cli/import/refused/silent-line.js';
import { isTelling } from '../../../src/cli/import/refused/telling-keys.js';
import { parseExactly, readDocument } from '../../../src/cli/import/shapes/index.js';
import { randomFrom } from '../../support/random.js';
import { jsonLines, stowken } from '../support/stowken.js';
import { samples } from './samples/index.js';

const shapes = 'src/cli/import/shapes';

/** Returns the literals of a source that may be keys: words, without those of comments and imports. */
function literalsOf(source: string): string[] {
  const code = source
    .replace(/\/\*[^]*?\*\//g, '')
    .replace(/^\s*\/\/.*$/gm, '')
    .replace(/ from '[^']*'/g, '')
    .replace(/title:\s*'[^']*'/g, '');
  return [...code.matchAll(/'([^'\\\n]*)'/g)].flatMap(([, text]) =>
    /^[\w$. -]+$/.test(text!) ? text!.split(' ') : [],
  );
}

describe('lines that say nothing', () => {
  it('have none of the keys by which a shape knows a line', () => {
    const known = readdirSync(shapes)
      .filter((file) => file !== 'names.ts')
      .flatMap((file) => literalsOf(readFileSync(join(shapes, file), 'utf8')))
      .filter((key) => /^[a-z_$][\w.$-]*$/i.test(key));
    expect(known.length).toBeGreaterThan(300);
    expect(known.filter((key) => !isTelling(key))).toEqual([]);
    const words = literalsOf(readFileSync(join(shapes, 'names.ts'), 'utf8')).filter((word) =>
      /^[a-z]{2,}$/.test(word),
    );
    for (const word of words)
      expect(
        [word, `${word}s`, `my_${word}_2`, `the${word[0]!.toUpperCase()}${word.slice(1)}`].map(isTelling),
      ).toEqual([true, true, true, true]);
    expect(samples.filter(({ document }) => isSilent(Buffer.from(JSON.stringify(document))))).toEqual([]);
  });

  it('are refused when they are read, too', () => {
    const name = fc.oneof(
      fc.stringMatching(/^[a-z]{1,6}_?[0-9a-f]{0,6}$/),
      fc.constantFrom(
        'prompt',
        'q',
        'a',
        'answer',
        'id',
        'output',
        'text',
        'type',
        'tokens',
        'messages',
        'x',
        '键',
      ),
    );
    const value = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        fc.double(),
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.stringMatching(/^[a-z\\[{ -]{0,8}$/),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(name, tie('value'), { maxKeys: 3 }),
      ),
    })).value;
    let silent = 0;
    fc.assert(
      fc.property(fc.dictionary(name, value, { maxKeys: 5 }), (line) => {
        const json = JSON.stringify(line);
        if (!isSilent(Buffer.from(json))) return;
        silent++;
        expect(() => readDocument(parseExactly(json), json, {})).toThrow('no messages in a shape');
      }),
      { numRuns: 5000 },
    );
    expect(silent).toBeGreaterThan(500);
  });

  it.each([
    ['a text that is JSON', '{"kx":"[1]"}'],
    ['a text of four words', '{"kx":"one two or three"}'],
    ['an escape in a key', '{"k\\u0078":1}'],
    ['no JSON', '{"kx":1x}'],
    ['no JSON either', '{"kx":01}'],
    ['a list', '[1]'],
  ])('are none of %s', (_what, line) => {
    expect(isSilent(Buffer.from(line))).toBe(false);
    expect(
      isSilent(Buffer.from('{"kx":{"ky":[1.5e3,-2,null,"two words",true]}, "kz" : 12345678901234567890}\n')),
    ).toBe(true);
  });

  it('of ever new keys are counted, and not repeated; others of the file are read', async () => {
    const random = randomFrom(5);
    const bad = Array.from(
      { length: 3000 },
      () => `{"k${random.below(2 ** 31)}":{"n":${random.below(9)}}}\n`,
    );
    const said = '{"prompt":"What is it?","completion":"It is this."}\n';
    const { stdout, stderr } = await stowken(['import', '--json', '--dry-run', '-'], {
      stdin: [...bad, said, ...bad].join(''),
    });
    expect(jsonLines(stdout)).toMatchObject([
      {
        would_store: 1,
        failed: 6000,
        failures: [{ reason: 'no messages in a shape that is known', count: 6000 }],
      },
    ]);
    expect(stderr.trim().split('\n')).toHaveLength(2);
  });
});
