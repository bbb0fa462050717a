import { describe, expect, it } from 'vitest';
import { FairSlots } from '../../src/queue/index.js';

/** Enters, and logs the name once it is admitted. */
function entries(slots: FairSlots<string>) {
  const inside: string[] = [];
  const leave = new Map<string, () => void>();
  const enter = (name: string, request: Omit<Parameters<typeof slots.enter>[0], 'owner'> = {}) =>
    slots.enter({ owner: name[0]!, ...request }).then((release) => {
      inside.push(name);
      leave.set(name, release);
    });
  return { inside, enter, leave: (name: string) => leave.get(name)!() };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('slots that are shared fairly', () => {
  it('lets so many in, and the others in order', async () => {
    const { inside, enter, leave } = entries(new FairSlots({ countMax: 2 }));
    for (const name of ['a1', 'a2', 'a3', 'a4']) void enter(name);
    await settled();
    expect(inside).toEqual(['a1', 'a2']);
    leave('a2');
    leave('a2'); // A second call has no effect.
    await settled();
    expect(inside).toEqual(['a1', 'a2', 'a3']);
    leave('a1');
    leave('a3');
    await settled();
    expect(inside).toEqual(['a1', 'a2', 'a3', 'a4']);
  });

  it("takes owners in turn: one's thousand do not stand before another's one", async () => {
    const { inside, enter, leave } = entries(new FairSlots({ countMax: 1 }));
    for (let index = 0; index < 1000; index++) void enter(`a${index}`);
    void enter('b0');
    void enter('c0');
    void enter('b1');
    for (const name of ['a0', 'a1', 'b0', 'c0', 'a2', 'b1', 'a3', 'a4']) {
      await settled();
      expect(inside.at(-1)).toBe(name);
      leave(name);
    }
  });

  it('lets one owner have no more than its part', async () => {
    const { inside, enter, leave } = entries(new FairSlots({ countMax: 3, countPerOwnerMax: 2 }));
    for (const name of ['a1', 'a2', 'a3', 'b1']) void enter(name);
    await settled();
    expect(inside).toEqual(['a1', 'a2', 'b1']);
    leave('b1');
    await settled();
    expect(inside).toEqual(['a1', 'a2', 'b1']);
    leave('a1');
    await settled();
    expect(inside).toEqual(['a1', 'a2', 'b1', 'a3']);
  });

  it('bounds the weight, lets nothing overtake, and what is heavier than all runs alone', async () => {
    const { inside, enter, leave } = entries(new FairSlots({ countMax: 9, weightMax: 10 }));
    void enter('a1', { weight: 6 });
    void enter('b1', { weight: 5 });
    void enter('c1', { weight: 1 });
    void enter('d1', { weight: 99 });
    await settled();
    expect(inside).toEqual(['a1']);
    leave('a1');
    await settled();
    expect(inside).toEqual(['a1', 'b1', 'c1']);
    leave('b1');
    leave('c1');
    await settled();
    expect(inside).toEqual(['a1', 'b1', 'c1', 'd1']);
  });

  it('forgets who no longer wants to come in', async () => {
    const slots = new FairSlots<string>({ countMax: 1, weightMax: 10 });
    const { inside, enter, leave } = entries(slots);
    await enter('a1', { weight: 4 });
    const abort = new AbortController();
    const reason = new Error('gone');
    const waiting = enter('b1', { weight: 9, signal: abort.signal });
    const behind = enter('b2', { weight: 1 });
    abort.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(enter('b3', { signal: abort.signal })).rejects.toBe(reason);
    leave('a1');
    await behind;
    expect(inside).toEqual(['a1', 'b2']);
    leave('b2');
    expect(slots.count).toBe(0);
  });

  it('tells who has waited too long', async () => {
    const slots = new FairSlots<string>({ countMax: 1 });
    const { inside, enter, leave } = entries(slots);
    await enter('a1');
    const overdue = () => new Error('too long');
    await expect(enter('b1', { wait: { msMax: 5, overdue } })).rejects.toThrow('too long');
    leave('a1');
    await enter('b2', { wait: { msMax: 5, overdue } });
    expect(inside).toEqual(['a1', 'b2']);
  });
});
