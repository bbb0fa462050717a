import { Distribution, limits } from '../model/index.js';
import type { Samples } from './samples.js';

const boundsSeconds = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

export type Role = 'main' | 'worker';

/** Measures a process: its event loop all the time, and everything else when somebody asks. */
export class ProcessFigures {
  readonly #delays = new Distribution(boundsSeconds);
  readonly #timer: NodeJS.Timeout;

  constructor(private readonly role: Role) {
    let dueMs = performance.now() + limits.eventLoopLookMs;
    this.#timer = setInterval(() => {
      const nowMs = performance.now();
      this.#delays.add(Math.max(0, nowMs - dueMs) / 1000);
      dueMs = nowMs + limits.eventLoopLookMs;
    }, limits.eventLoopLookMs).unref();
  }

  collect(samples: Samples): void {
    const { role } = this;
    const { rss, heapUsed, external } = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    samples.setHistogram('stowken_event_loop_delay_seconds', { role }, this.#delays);
    samples.set('process_resident_memory_bytes', { role }, rss);
    samples.set('nodejs_heap_size_used_bytes', { role }, heapUsed);
    samples.set('nodejs_external_memory_bytes', { role }, external);
    samples.set('process_cpu_seconds_total', { role }, (user + system) / 1e6);
    if (role === 'main') samples.set('process_start_time_seconds', {}, performance.timeOrigin / 1000);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
