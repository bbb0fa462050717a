import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listOf } from '../../contract/long-lists.js';
import { longSegment, spec, storing } from '../../contract/support.js';
import { postgresMissing } from '../../support/postgres.js';
import { eventually } from '../../support/wait.js';
import { SharedVault } from './support.js';

const missing = postgresMissing !== undefined;

describe.skipIf(missing).each([1, 4])('repair of %i partitions', (partitions) => {
  let vault: SharedVault;
  let one: Awaited<ReturnType<SharedVault['open']>>;
  beforeEach(async () => {
    vault = await SharedVault.create(partitions);
    one = await vault.open({ beatMs: 20 });
    await one.setLabels!(['user']);
    for (let n = 0; n < 12; n++) {
      const segments = [longSegment(20, 0), longSegment(20, n)];
      const put = { ...storing(`c${n}`, segments).put!, spec: spec(`c${n}`, { metadata: { user: '1' } }) };
      await one.commit({ newSegments: segments, put });
    }
    const long = storing('long', [longSegment(600, 99)]);
    await one.commit({ ...long, put: { ...long.put!, prefix: Buffer.from('block 1 ') } });
    await one.commit({ fork: { id: 'c1', newId: 'f', messageCount: 1, timeMs: 2_000 } });
    await one.commit({ delete: { id: 'c2', timeMs: 2_000 } });
    const { hash } = longSegment(20, 3);
    await one.commit({ addReferences: [{ hash, holder: 'h' }] });
    // Folds: what is damaged is not to come from a delta.
    await one.stats();
  });
  afterEach(async () => {
    const violations = await one.check();
    await vault.close();
    expect(violations).toEqual([]);
  });

  const damages: Readonly<Record<string, string>> = {
    'references that are wrong': `update ref set n = n + 3 where p >= $1 and p < $1 + ${partitions}`,
    'garbage that has no time': `update ref set since = null where p >= $1 and p < $1 + ${partitions}`,
    'references that are missing': `delete from ref where p >= $1 and p < $1 + ${partitions}`,
    'hashes that are missing': `delete from hx where p >= $1 and p < $1 + ${partitions}`,
    'hashes that lead elsewhere': `update hx set slot = slot + 1 where p >= $1 and p < $1 + ${partitions}`,
    'figures that are wrong': `update totals set convs = convs + 1, segs = 0, lists = 7 where p >= $1 and p < $1 + ${partitions}`,
    'usage that is missing': `delete from usage_sum where p >= $1 and p < $1 + ${partitions}`,
    'tags that lead nowhere': `update tag set cid = cid + 1 where p >= $1 and p < $1 + ${partitions}`,
    'kinds that are missing': `delete from kind where p >= $1 and p < $1 + ${partitions}`,
    'kinds that have other numbers': `update kind set kind = kind + 1 where p >= $1 and p < $1 + ${partitions}`,
    'blocks of prefixes that are another beginning': `update prefix set n = n + 1 where p >= $1 and p < $1 + ${partitions}`,
    'the memory of lists that are gone': `delete from gone where p >= $1 and p < $1 + ${partitions}`,
  };

  it.each(Object.keys(damages))('mends %s', async (name) => {
    const { inUseBytes: lists, ...all } = await one.stats();
    const stats = { ...all, fileBytes: expect.any(Number) as number };
    await vault.rows(damages[name]!);
    const found = await one.check();
    const phases: string[] = [];
    const report = await one.repair!({ onPhase: (phase) => void phases.push(phase) });
    expect(report.remaining).toEqual([]);
    expect(report.repaired.length).toBeGreaterThanOrEqual(Math.min(1, found.length));
    if (found.length > 0) expect(phases).toEqual(['checking', 'rebuilding', 'checkingAgain']);
    // Lists of conversations that are gone may go meanwhile.
    expect(await one.stats()).toMatchObject(stats);
    expect((await one.stats()).inUseBytes).toBeLessThanOrEqual(lists);
    expect(await listOf(one, 'c3')).toHaveLength(2);
    const again = storing('new', [longSegment(20, 0)]);
    expect((await one.commit(again)).put).toMatchObject({ segments: 1 });
    expect(await one.repair!({})).toEqual({ repaired: [], remaining: [] });
  });

  it.each([
    ['packs', "dir = '', data = ''", 'manifest-segments'],
    ['frames of packs', "data = ''", 'record'],
    ['lists', "list = '\\xff'", 'record'],
  ])('leaves %s that are lost to be reported', async (_, lost, invariant) => {
    await vault.rows(`update part set ${lost} where p >= $1 and p < $1 + ${partitions}`);
    const { remaining } = await one.repair!({});
    expect(remaining).toContainEqual(expect.objectContaining({ invariant }));
    // The vault is lost: another one is checked after the test.
    await vault.close();
    vault = await SharedVault.create(partitions);
    one = await vault.open();
  });
});

describe.skipIf(missing)('repair while another server builds an index of a label', () => {
  it('leaves no index that lacks what was built before', async () => {
    const vault = await SharedVault.create(4);
    const one = await vault.open({ beatMs: 20 });
    for (let n = 0; n < 12; n++) {
      const put = { ...storing(`c${n}`, []).put!, spec: spec(`c${n}`, { metadata: { user: '1' } }) };
      await one.commit({ put });
    }
    await one.stats();
    await vault.rows('update totals set convs = convs + 1 where p = $1');
    const repair = async () => expect((await one.repair!({})).remaining).toEqual([]);
    // The builder waits for the last partition; it has built those before.
    await vault.whileLocked('conv', 1, () => [one.setLabels!(['user'])], repair, 3);
    await eventually(async () => {
      const labels = await vault.rows('select ready, dropped from label where p = $1');
      expect(labels).toEqual([{ ready: true, dropped: false }]);
    });
    expect(await one.check()).toEqual([]);
    const query = { filter: { metadata: { user: '1' } }, order: 'newestFirst', limit: 20 } as const;
    await eventually(async () => {
      const { conversations } = await one.listConversations({ ...query, scanLimit: 12 });
      expect(conversations).toHaveLength(12);
    });
    await vault.close();
  });
});
