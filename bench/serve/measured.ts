import type { LoadClients, LoadResult } from '../lib/load.js';
import { percentile } from '../lib/measure.js';
import { median, ratio, short, spread } from '../lib/table.js';
import type { StartedServer } from './servers.js';

export const inFlights = [1, 8, 64] as const;

/** Runs before those that are counted: servers and clients are compiled while they run. */
export const warmUps = 2;

/** Calls of each run: enough for some hundred milliseconds. */
const callsByInFlight = { 1: 100, 8: 400, 64: 800 } as const;

/** As many of them as a run has calls, in order, from the first on again where there are fewer. */
export function someOf<T>(items: readonly T[], inFlight: (typeof inFlights)[number]): T[] {
  return soMany(items, callsByInFlight[inFlight]);
}

export function soMany<T>(items: readonly T[], count: number): T[] {
  return Array.from({ length: count }, (_, index) => items[index % items.length]!);
}

/** What one server did under one load, run by run. */
export class Measured {
  readonly rates: number[] = [];
  readonly tokenRates: number[] = [];
  readonly callsPerCpuSecond: number[] = [];
  /** What a call cost the processes that made it, in microseconds of a processor. */
  readonly clientUs: number[] = [];
  readonly latenciesMs: number[] = [];

  /** One run: calls that carry so many tokens together. */
  async run(
    clients: LoadClients,
    server: StartedServer,
    path: string,
    { requests, inFlight, tokens }: { requests: readonly Uint8Array[]; inFlight: number; tokens: number },
  ): Promise<LoadResult> {
    const cpuBefore = server.cpuSeconds();
    const result = await clients.run(server.address, path, requests, inFlight);
    this.rates.push(requests.length / result.seconds);
    this.tokenRates.push(tokens / result.seconds);
    this.callsPerCpuSecond.push(requests.length / (server.cpuSeconds() - cpuBefore));
    this.clientUs.push((1e6 * result.cpuSeconds) / requests.length);
    this.latenciesMs.push(...result.latenciesMs);
    return result;
  }

  /** Cells of a table's row; `ours` is what the ratios are of. */
  cells(ours: Measured): string[] {
    const latency = (percent: number) => short(percentile(this.latenciesMs, percent));
    return [
      spread(this.rates, '/s'),
      `${short(median(this.tokenRates))}/s`,
      `${latency(50)} / ${latency(99)} ms`,
      `${short(median(this.callsPerCpuSecond))}/s`,
      `${short(median(this.clientUs))} us`,
      ours === this ? '' : ratio(ours.rates, this.rates),
      ours === this ? '' : ratio(ours.callsPerCpuSecond, this.callsPerCpuSecond),
    ];
  }
}

export const measuredColumns = [
  'conversations',
  'tokens',
  'p50 / p99',
  'per CPU second of it',
  "client's CPU a call",
  'stowken / it',
  'per CPU second',
];
