import { afterEach, beforeEach, expect, it } from 'vitest';
import fc from 'fast-check';
import { Environment } from '../../../src/storage/lmdb/tables/environment.js';
import { IdIndex, IdIndexWriter } from '../../../src/storage/lmdb/conversations/id-index.js';
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

/** So long that a chunk holds a few of them: chunks split and go all the time. */
const idOf = (index: number) => `${String.fromCharCode(65 + index)}${'x'.repeat(400)}`;
const IDS = 60;

it('holds what a map holds, in one transaction and from one to the next', { timeout: 60_000 }, async () => {
  const { ids } = environment.tables;
  const step = fc.tuple(
    fc.nat(IDS - 1),
    fc.constantFrom('insert', 'insert', 'insert', 'remove', 'remove below', 'find'),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(step, { maxLength: 60, size: 'max' }), { maxLength: 6, size: 'max' }),
      async (transactions) => {
        const model = new Map<string, number>();
        await environment.write(() => [...ids.keys()].forEach((key) => ids.remove(key)));
        let next = 1;
        for (const steps of transactions) {
          await environment.write(() => {
            const index = new IdIndexWriter(ids);
            for (const [number, what] of steps) {
              const id = idOf(number);
              expect(index.find(id)).toBe(model.get(id));
              if (what === 'insert' && !model.has(id)) {
                index.insert(id, next);
                model.set(id, next++);
              } else if (what === 'remove' || what === 'remove below') {
                for (const known of what === 'remove'
                  ? [id]
                  : [...model.keys()].filter((each) => each < id)) {
                  if (model.delete(known)) index.remove(known);
                }
              }
            }
            index.flush();
          });
          const index = new IdIndex(ids);
          for (let number = 0; number < IDS; number++) {
            expect(index.find(idOf(number))).toBe(model.get(idOf(number)));
          }
        }
      },
    ),
    { numRuns: 100 },
  );
});
