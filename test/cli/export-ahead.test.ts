import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readAhead } from '../../src/cli/concurrency.js';
import { PartialFile } from '../../src/cli/export/partial-file.js';

const weights = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 40 });

it('reads ahead up to a weight, in order, and fails behind what came before the failure', async () => {
  await fc.assert(
    fc.asyncProperty(
      weights,
      fc.integer({ min: 1, max: 12 }),
      fc.boolean(),
      async (items, weightMax, fails) => {
        let given = 0;
        let taken = 0;
        const source = async function* () {
          for (const item of items) {
            given += item;
            expect(given - taken, 'weight ahead').toBeLessThan(weightMax + 5 + 5);
            yield item;
            if (item % 2) await turn();
          }
          if (fails) throw new Error('the source is lost');
        };
        const got: number[] = [];
        const whole = (async () => {
          for await (const item of readAhead(source(), { weightMax, weigh: (each) => each })) {
            taken += item;
            got.push(item);
            if (item % 3) await turn();
          }
        })();
        if (fails) await expect(whole).rejects.toThrow('the source is lost');
        else await whole;
        expect(got).toEqual(items);
      },
    ),
  );
});

it('ends the source when the reader stops', async () => {
  let ended: (given: number) => void = () => undefined;
  const isEnded = new Promise<number>((resolve) => (ended = resolve));
  const source = async function* () {
    let given = 0;
    try {
      for (;;) yield given++;
    } finally {
      ended(given);
    }
  };
  for await (const item of readAhead(source(), { weightMax: 3, weigh: () => 1 })) if (item === 5) break;
  expect(await isEnded).toBeLessThan(12);
});

it('fails for good when bytes could not be brought to the disk while others were written', async () => {
  // The null device takes all bytes, and refuses to make them durable.
  const file = await PartialFile.create('/dev/null', 'out', 2 ** 20);
  const piece = new Uint8Array(2 ** 21);
  const fill = async () => {
    for (;;) {
      await file.write(piece);
      await turn();
    }
  };
  await expect(fill()).rejects.toThrow('EINVAL');
  await expect(file.write(piece)).rejects.toThrow('EINVAL');
  await expect(file.finish()).rejects.toThrow('EINVAL');
  await file.close();
});
