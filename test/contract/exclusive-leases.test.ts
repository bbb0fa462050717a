import { describe, expect, it } from 'vitest';
import { backendKinds, useBench } from './support.js';

describe.each(backendKinds)('an exclusive lease of the %s backend', (kind) => {
  const bench = useBench(kind);
  const tryLease = (name: string) => bench().backend.tryLease!(name);

  it('is given to one at a time, by name', async () => {
    const first = await tryLease('compaction');
    expect(first?.lost.aborted).toBe(false);
    expect(await tryLease('compaction')).toBeUndefined();
    const other = await tryLease('retention');
    expect(other).toBeDefined();
    await first!.release();
    const second = await tryLease('compaction');
    expect(second).toBeDefined();
    expect(await tryLease('retention')).toBeUndefined();
    await Promise.all([second!.release(), other!.release()]);
  });
});
