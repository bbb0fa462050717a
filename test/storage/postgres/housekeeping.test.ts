import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { segment, storing } from '../../contract/support.js';
import { postgresMissing } from '../../support/postgres.js';
import { eventually } from '../../support/wait.js';
import { SharedVault } from './support.js';

describe.skipIf(postgresMissing !== undefined)('a server beside its calls', () => {
  let vault: SharedVault;
  let server: Awaited<ReturnType<SharedVault['open']>>;
  beforeEach(async () => {
    vault = await SharedVault.create();
    server = await vault.open({ beatMs: 20 });
  });
  afterEach(() => vault.close());

  it('tells that it is there, also while its own work waits for others', async () => {
    const lastBeat = async () =>
      String((await vault.rows('select beat::text from server where p = $1'))[0]?.['beat']);
    await server.commit(storing('x', [segment(1)]));
    await vault.whileLocked(
      'totals',
      1,
      () => [],
      async () => {
        const first = await lastBeat();
        await eventually(async () => expect(await lastBeat()).not.toBe(first));
      },
    );
    expect(await server.check()).toEqual([]);
  });

  it('keeps no mark of a request of its own that was answered', async () => {
    for (const id of ['x', 'y']) {
      await server.commit(storing(id, [segment(1)]));
      await server.commit({ delete: { id, timeMs: 2 } });
    }
    await eventually(async () => expect(await vault.rows('select rid from req where p = $1')).toEqual([]));
    expect(await server.check()).toEqual([]);
  });

  it('learns that the vault was deleted, from the first change or by itself', async () => {
    const other = await vault.open({ beatMs: 20 });
    const idle = await vault.open({ beatMs: 60_000 });
    await server.commit(storing('x', [segment(1)]));
    await vault.remove();
    await expect(idle.commit(storing('y', []))).rejects.toMatchObject({ reason: 'VAULT_NOT_FOUND' });
    expect(idle.gone).toBe(true);
    await eventually(() => expect(other.gone).toBe(true));
  });
});
