import { describe, expect, it } from 'vitest';
import { createAdmission } from '../../src/rpc/index.js';
import { Channel, type Port } from '../../src/workers/channel.js';
import type { PrimaryHandlers, WorkerHandlers } from '../../src/workers/handlers.js';
import { holdSlot, workerAdmission } from '../../src/workers/slots.js';

const path = '/stowken.v1.MaintenanceService/VerifyVault';

/** Creates two ends of a connection between processes. */
function ports(): { readonly ends: [Port, Port]; close: () => void } {
  const listeners: ((message: unknown) => void)[][] = [[], []];
  const closed: (() => void)[] = [];
  const end = (own: number): Port => ({
    send: (message) => {
      const copy = structuredClone(message);
      setImmediate(() => listeners[1 - own]!.forEach((listener) => listener(copy)));
    },
    onMessage: (listener) => void listeners[own]!.push(listener),
    onClose: (listener) => void closed.push(listener),
  });
  return { ends: [end(0), end(1)], close: () => closed.forEach((listener) => listener()) };
}

/** Creates a primary's slots, and workers of it. */
function primaryWithWorkers(waitMsMax?: number) {
  const admission = createAdmission({ ...(waitMsMax !== undefined && { waitMsMax }) });
  const offer = {
    calls: {},
    streams: { slot: (applicant: never, signal: AbortSignal) => holdSlot(admission, applicant, signal) },
  } as unknown as PrimaryHandlers;
  return () => {
    const { ends, close } = ports();
    new Channel<WorkerHandlers>(ends[0], offer);
    const channel = new Channel<PrimaryHandlers>(ends[1], { calls: {}, streams: {} });
    return { admission: workerAdmission(channel, 2), close };
  };
}

const never = new AbortController().signal;

describe('slots that workers share', () => {
  it('are so many for all workers together, and come free when a call ends', async () => {
    const worker = primaryWithWorkers();
    const [one, other] = [worker(), worker()];
    const inside: string[] = [];
    const enter = async ({ admission }: typeof one, connection: string, signal = never) => {
      const end = await admission.enter({ path, connection }, signal);
      inside.push(connection);
      return end;
    };
    const ends = await Promise.all([enter(one, 'a'), enter(one, 'b'), enter(other, 'c')]);
    const fourth = enter(other, 'd');
    const cancelled = new AbortController();
    const fifth = enter(one, 'e', cancelled.signal);
    const reason = new Error('cancelled');
    cancelled.abort(reason);
    await expect(fifth).rejects.toBe(reason);
    expect(inside).toEqual(['a', 'b', 'c']);
    ends[0]();
    (await fourth)();
    (await enter(one, 'f'))();
    expect(inside).toEqual(['a', 'b', 'c', 'd', 'f']);
  });

  it('come free when their worker ends', async () => {
    const worker = primaryWithWorkers();
    const [one, other] = [worker(), worker()];
    await Promise.all(['a', 'b', 'c'].map((connection) => one.admission.enter({ path, connection }, never)));
    const waiting = other.admission.enter({ path, connection: 'd' }, never);
    one.close();
    (await waiting)();
  });

  it('are refused in the words of the process that has them', async () => {
    const worker = primaryWithWorkers(10);
    const one = worker();
    await Promise.all(['a', 'b', 'c'].map((connection) => one.admission.enter({ path, connection }, never)));
    await expect(one.admission.enter({ path, connection: 'd' }, never)).rejects.toMatchObject({
      reason: 'OVERLOADED',
      metadata: { method: 'VerifyVault', running: '3' },
    });
  });
});
