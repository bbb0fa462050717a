import { describe, expect, it } from 'vitest';
import { type Measured, Samples } from '../../src/metrics/index.js';
import type { Listener } from '../../src/workers/announcements.js';
import { WorkerMetrics } from '../../src/workers/worker-metrics.js';

/** A worker that answers with what `answer` returns, if anything. */
function worker(answer: () => Promise<readonly Measured[]>): Listener {
  return { isListening: true, channel: { call: answer } as unknown as Listener['channel'] };
}

function measured(ends: number, calls: number, backupSeconds: number): readonly Measured[] {
  const samples = new Samples();
  samples.set('stowken_worker_ends_total', {}, ends);
  samples.set('stowken_rpc_calls_in_progress', {}, calls);
  const labels = { vault: 'default', task: 'backup' };
  samples.set('stowken_task_last_success_timestamp_seconds', labels, backupSeconds);
  return samples.measured;
}

const valuesOf = (processes: readonly (readonly Measured[])[], name: string) =>
  processes.flat().flatMap((metric) => (metric.name === name ? metric.values.map(({ value }) => value) : []));
const count = 'stowken_worker_ends_total';

describe('the metrics of workers', () => {
  it('keep the counts of those that have ended, and the latest success, and no figures of a moment', async () => {
    const metrics = new WorkerMetrics();
    const first = worker(async () => measured(5, 1, 200));
    const second = worker(async () => measured(7, 2, 100));
    const both = await metrics.collect([first, second]);
    expect(valuesOf(both, count)).toEqual([5, 7]);
    metrics.ended(first);
    const one = await metrics.collect([second]);
    expect(valuesOf(one, count)).toEqual([5, 7]);
    expect(valuesOf(one, 'stowken_rpc_calls_in_progress')).toEqual([2]);
    metrics.ended(second);
    const none = await metrics.collect([]);
    expect(valuesOf(none, count)).toEqual([12]);
    expect(valuesOf(none, 'stowken_rpc_calls_in_progress')).toEqual([]);
    expect(valuesOf(none, 'stowken_task_last_success_timestamp_seconds')).toEqual([200]);
    const fresh = await metrics.collect([worker(async () => measured(1, 0, 50))]);
    expect(valuesOf(fresh, count)).toEqual([12, 1]);
  });

  it('of one that does not answer, or is gone before it does, are those before', async () => {
    const metrics = new WorkerMetrics();
    let answers = true;
    const never = new Promise<never>(() => undefined);
    const silent = worker(() => (answers ? Promise.resolve(measured(5, 1, 1)) : never));
    await metrics.collect([silent]);
    answers = false;
    expect(valuesOf(await metrics.collect([silent]), count)).toEqual([5]);
    const gone = worker(() => Promise.reject(new Error('gone')));
    expect(valuesOf(await metrics.collect([silent, gone]), count)).toEqual([5]);
  });
});
