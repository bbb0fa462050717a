import fc from 'fast-check';
import { describe, it } from 'vitest';
import { backendKinds, isPartitioned, isPersistent, isPostgres, openBench } from '../../contract/support.js';
import { sampleOr } from '../../support/sample.js';
import { operation } from './operations.js';
import { Pair } from './pair.js';

/** Packs what it can, so that histories of few conversations have packs. */
const packing = { coldAfterMs: 0, fewest: 1 };

describe.each(backendKinds.filter(isPersistent))('the %s backend', (kind) => {
  /** Each operation is a trip or more to a database, and each comparison many: more so over partitions. */
  const [few, many] = isPartitioned(kind) ? [1, 20] : isPostgres(kind) ? [2, 60] : [16, 200];
  it('does what the memory backend does, whatever is asked of it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(operation, { minLength: 30, maxLength: isPartitioned(kind) ? 40 : 120, size: 'max' }),
        async (operations) => {
          const [model, real] = [await openBench('memory'), await openBench(kind, { sync: false, packing })];
          try {
            const pair = new Pair(model, real);
            for (const each of operations) {
              await pair.run(each);
              await pair.compare();
            }
          } finally {
            await model.dispose();
            await real.dispose();
          }
        },
      ),
      { numRuns: sampleOr(few, many), verbose: 1 },
    );
  });
});
