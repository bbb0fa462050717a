import { expect, it } from 'vitest';
import type { Change, ChangeResult } from '../../src/storage/contract/change.js';
import { GroupCommit, type Outcome } from '../../src/storage/shared/group-commit.js';
import { asHash } from '../support/hashes.js';

const changeOf = (n: number): Change => ({ removeReferences: [{ hash: asHash('00'), holder: String(n) }] });
const done = (): Outcome => ({ result: {} });

/** Commits that wait for the test: when they take their group, and when it is committed. */
function slowCommits() {
  const groups: string[][] = [];
  const steps: (() => void)[] = [];
  const step = () => new Promise<void>((resolve) => steps.push(resolve));
  const group = new GroupCommit(async (take) => {
    await step();
    const changes = take();
    groups.push(changes.map(({ removeReferences }) => removeReferences![0]!.holder));
    await step();
    return changes.map(done);
  });
  const goOn = async () => {
    while (steps.length === 0) await new Promise(setImmediate);
    steps.shift()!();
    await new Promise(setImmediate);
  };
  return { group, groups, goOn };
}

it('takes into a group what arrives before the group is taken, and the rest into the next', async () => {
  const { group, groups, goOn } = slowCommits();
  const first = group.commit(changeOf(1));
  await new Promise(setImmediate);
  const joins = group.commit(changeOf(2));
  await goOn();
  const waits = group.commit(changeOf(3));
  await goOn();
  await Promise.all([first, joins]);
  expect(groups).toEqual([['1', '2']]);
  await goOn();
  await goOn();
  await waits;
  expect(groups).toEqual([['1', '2'], ['3']]);
});

it('refuses those that wait when a commit fails before it has taken any, and goes on', async () => {
  let fails = true;
  const group = new GroupCommit(async (take) => {
    if (fails) throw new Error('stopped');
    return take().map(done);
  });
  const refused = await Promise.allSettled([group.commit(changeOf(1)), group.commit(changeOf(2))]);
  expect(refused.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  fails = false;
  expect(await group.commit(changeOf(3))).toEqual({});
});

it('runs a task while no commit is under way, also one that brings a change itself', async () => {
  const { group, groups, goOn } = slowCommits();
  const first = group.commit(changeOf(1));
  await goOn();
  let brought: Promise<ChangeResult> | undefined;
  const ran = group.between(() => {
    brought = group.commit(changeOf(2));
    return groups.length;
  });
  await goOn();
  await first;
  expect(await ran).toBe(1);
  await goOn();
  await goOn();
  await brought;
  await group.close();
  expect(groups).toEqual([['1'], ['2']]);
});
