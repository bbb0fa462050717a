import { afterEach, beforeEach, expect, it } from 'vitest';
import fc from 'fast-check';
import { Environment } from '../../../src/storage/lmdb/tables/environment.js';
import { KeyIndex, KeyIndexWriter } from '../../../src/storage/lmdb/tables/key-index.js';
import { temporaryFolder, type TemporaryFolder } from '../faults/support.js';

let folder: TemporaryFolder;
let environment: Environment;
beforeEach(async () => {
  folder = await temporaryFolder();
  environment = await Environment.open(folder.path, { sync: false });
});
afterEach(async () => {
  await environment.close();
  await folder.remove();
});

/** So long that a chunk holds few of them: chunks are split and removed all the time. */
const keyOf = (index: number) =>
  Buffer.from(`${String.fromCharCode(65 + index)}${'x'.repeat(index % 3 ? 400 : 20)}`);
const KEYS = 60;

it('holds what a map holds, in one transaction and from one to the next', async () => {
  const table = environment.tables.ids;
  const step = fc.tuple(
    fc.nat(KEYS - 1),
    fc.constantFrom('insert', 'insert', 'insert', 'remove', 'remove below', 'find', 'list'),
  );
  /** Compares the numbers of the keys in the index. */
  const expectSame = (index: KeyIndex, model: ReadonlyMap<number, number>, from: number) => {
    const sorted = [...model].sort(([a], [b]) => a - b).map(([key, number]) => ({ key: keyOf(key), number }));
    const start = keyOf(from);
    expect([...index.from(start)]).toEqual(sorted.filter(({ key }) => key.compare(start) >= 0));
    expect(index.before(start)).toEqual(sorted.findLast(({ key }) => key.compare(start) < 0));
  };
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(step, { maxLength: 60, size: 'max' }), { maxLength: 6, size: 'max' }),
      async (transactions) => {
        const model = new Map<number, number>();
        await environment.write(() => [...table.keys()].forEach((key) => table.remove(key)));
        let next = 1;
        for (const steps of transactions) {
          await environment.write(() => {
            const index = new KeyIndexWriter(table);
            for (const [key, what] of steps) {
              expect(index.find(keyOf(key))).toBe(model.get(key));
              if (what === 'list') expectSame(index, model, key);
              else if (what === 'insert' && !model.has(key)) {
                index.insert(keyOf(key), next);
                model.set(key, next++);
              } else if (what === 'remove' || what === 'remove below') {
                for (const known of what === 'remove'
                  ? [key]
                  : [...model.keys()].filter((each) => each < key)) {
                  if (model.delete(known)) index.remove(keyOf(known));
                }
              }
            }
            index.flush();
          });
          const index = new KeyIndex(table);
          for (let key = 0; key < KEYS; key++) {
            expect(index.find(keyOf(key))).toBe(model.get(key));
          }
          expectSame(index, model, 0);
          expectSame(index, model, KEYS / 2);
        }
      },
    ),
    { numRuns: 100 },
  );
});
