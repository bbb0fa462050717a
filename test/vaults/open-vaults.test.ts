import { describe, expect, it } from 'vitest';
import { StowkenError } from '../../src/model/index.js';
import type { Vault } from '../../src/vault/index.js';
import { OpenVaults, vaultNotFound } from '../../src/vaults/index.js';

/** Opens vaults without a store, and records what happens to them. */
function openVaults({ openMax = 2, waitMs = 0, retryMs = 1000 } = {}) {
  const events: string[] = [];
  const failing = new Map<string, StowkenError>();
  /** Names of vaults that another process has deleted since they were opened. */
  const gone = new Set<string>();
  /** States that were reported while a vault was being closed. */
  const whileClosing: unknown[] = [];
  const vaults: OpenVaults = new OpenVaults({
    openMax,
    waitMs,
    retryMs,
    open: async (name) => {
      events.push(`open ${name}`);
      await Promise.resolve();
      const error = failing.get(name);
      if (error) throw error;
      gone.delete(name);
      return {
        get gone() {
          return gone.has(name);
        },
        vault: { name, vaultId: `id of ${name}` } as Vault,
        health: () => ({ writable: !events.includes(`close ${name}`) }),
        close: async () => {
          events.push(`close ${name}`);
          await Promise.resolve();
          whileClosing.push(vaults.states().get(name));
        },
      };
    },
  });
  return { vaults, events, failing, gone, whileClosing };
}

describe('open vaults', () => {
  it('are opened at the first use, once for all that ask meanwhile', async () => {
    const { vaults, events } = openVaults();
    const uses = await Promise.all([vaults.use('a'), vaults.use('a'), vaults.use('a')]);
    uses.push(await vaults.use('a'));
    expect(events).toEqual(['open a']);
    expect(new Set(uses.map(({ vault }) => vault)).size).toBe(1);
    expect([...vaults.states()]).toEqual([['a', { writable: true, failed: false, vaultId: 'id of a' }]]);
  });

  it('are closed when there are too many, the one first that was not used for the longest time', async () => {
    const { vaults, events, whileClosing } = openVaults();
    for (const name of ['a', 'b', 'a', 'c', 'b']) (await vaults.use(name)).end();
    expect(events).toEqual(['open a', 'open b', 'close b', 'open c', 'close a', 'open b']);
    // They are well: that their files are gone is no fault.
    expect(whileClosing).toEqual([undefined, undefined]);
  });

  it('are not closed while they are in use', async () => {
    const { vaults, events } = openVaults();
    const held = await vaults.use('a');
    (await vaults.use('b')).end();
    (await vaults.use('c')).end();
    expect(events).toEqual(['open a', 'open b', 'close b', 'open c']);
    held.end();
    held.end();
    (await vaults.use('d')).end();
    expect(events.slice(4)).toEqual(['close a', 'open d']);
  });

  it('that another process deleted end their uses, and are opened once more when these are over', async () => {
    const { vaults, events, gone } = openVaults();
    const held = await vaults.use('a');
    gone.add('a');
    expect(vaults.useOpen('a')).toBeUndefined();
    const next = Promise.resolve(vaults.use('a'));
    expect(held.signal.reason).toMatchObject({ reason: 'VAULT_NOT_FOUND' });
    expect(events).toEqual(['open a']);
    held.end();
    expect((await next).vault).not.toBe(held.vault);
    expect(events).toEqual(['open a', 'close a', 'open a']);
  });

  it('keep others waiting until one is idle, and refuse them if none becomes idle in time', async () => {
    const { vaults } = openVaults({ openMax: 1 });
    const held = await vaults.use('a');
    await expect(vaults.use('b')).rejects.toMatchObject({ reason: 'OVERLOADED', metadata: { limit: '1' } });
    held.end();
    const patient = openVaults({ openMax: 1, waitMs: 600_000 });
    const first = await patient.vaults.use('a');
    const waiting = patient.vaults.use('b');
    first.end();
    expect((await waiting).vault.name).toBe('b');
  });

  it('that are damaged are not tried again at once, and do not keep others from being used', async () => {
    const { vaults, events, failing } = openVaults();
    failing.set('a', new StowkenError('CORRUPT_STORE', 'damaged', { file: 'f' }));
    for (let n = 0; n < 3; n++)
      await expect(vaults.use('a')).rejects.toMatchObject({ reason: 'CORRUPT_STORE' });
    (await vaults.use('b')).end();
    expect(events).toEqual(['open a', 'open b']);
    expect(vaults.states().get('a')).toEqual({ writable: false, failed: true, cause: 'damaged' });
    const impatient = openVaults({ retryMs: 0 });
    impatient.failing.set('a', new StowkenError('CORRUPT_STORE', 'damaged', { file: 'f' }));
    await expect(impatient.vaults.use('a')).rejects.toThrow('damaged');
    impatient.failing.clear();
    (await impatient.vaults.use('a')).end();
    expect(impatient.vaults.states().get('a')?.failed).toBe(false);
  });

  it('that do not exist leave nothing behind', async () => {
    const { vaults, failing } = openVaults();
    failing.set('a', vaultNotFound('a'));
    await expect(vaults.use('a')).rejects.toMatchObject({ reason: 'VAULT_NOT_FOUND' });
    expect(vaults.states().size).toBe(0);
  });

  it('end their uses when they are deleted, and cannot be opened before they are gone', async () => {
    const { vaults, events } = openVaults();
    const use = await vaults.use('a');
    const steps: string[] = [];
    const deleted = vaults.delete(
      'a',
      async () => void steps.push('released'),
      async () => {
        steps.push('removed');
        await expect(vaults.use('a')).rejects.toMatchObject({ reason: 'VAULT_NOT_FOUND' });
      },
    );
    expect(use.signal.reason).toMatchObject({ reason: 'VAULT_NOT_FOUND' });
    await expect(vaults.use('a')).rejects.toMatchObject({ reason: 'VAULT_NOT_FOUND' });
    await expect(
      vaults.delete(
        'a',
        async () => undefined,
        async () => undefined,
      ),
    ).rejects.toMatchObject({
      reason: 'VAULT_NOT_FOUND',
    });
    expect(steps).toEqual(['released']);
    use.end();
    await deleted;
    expect(steps).toEqual(['released', 'removed']);
    expect(events).toEqual(['open a', 'close a']);
  });

  it('are all closed at the end', async () => {
    const { vaults, events } = openVaults();
    (await vaults.use('a')).end();
    (await vaults.use('b')).end();
    await vaults.close();
    expect(events.slice(2).sort()).toEqual(['close a', 'close b']);
  });
});
