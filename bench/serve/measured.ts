import type { LoadClients, LoadResult } from '../lib/load.js';
import { percentile } from '../lib/measure.js';
import { median, ratio, short, spread } from '../lib/table.js';
import type { StartedServer } from './servers.js';

export const inFlights = [1, 8, 64] as const;

/** Rounds of one kind of call before those that are counted. */
export const warmUps = 2;

/**
 * Calls to a new server before all rounds. V8 compiles the busy functions bit by bit, in threads beside the
 * calls: the more code a server has, the longer it takes, for some thousand calls.
 */
export const compilingCalls = { stores: 4000, retrievals: 10_000 } as const;

/** Calls of each round: enough for some hundred milliseconds. */
const callsByInFlight = { 1: 100, 8: 400, 64: 800 } as const;

/** Returns as many items as a round has calls, in order, repeated from the first on if there are fewer. */
export function someOf<T>(items: readonly T[], inFlight: (typeof inFlights)[number]): T[] {
  return soMany(items, callsByInFlight[inFlight]);
}

export function soMany<T>(items: readonly T[], count: number): T[] {
  return Array.from({ length: count }, (_, index) => items[index % items.length]!);
}

/** Figures of one server under one load, round by round. */
export class Measured {
  readonly rates: number[] = [];
  readonly tokenRates: number[] = [];
  readonly callsPerCpuSecond: number[] = [];
  /** Processor time of the calling processes per call, in microseconds. */
  readonly clientUs: number[] = [];
  readonly latenciesMs: number[] = [];

  /** Measures one round of calls that carry so many tokens together. */
  async run(
    clients: LoadClients,
    server: StartedServer,
    path: string,
    { requests, inFlight, tokens }: { requests: readonly Uint8Array[]; inFlight: number; tokens: number },
  ): Promise<LoadResult> {
    const cpuBefore = server.cpuSeconds();
    const result = await clients.run(server.address, path, requests, inFlight, server.secure);
    this.rates.push(requests.length / result.seconds);
    this.tokenRates.push(tokens / result.seconds);
    this.callsPerCpuSecond.push(requests.length / (server.cpuSeconds() - cpuBefore));
    this.clientUs.push((1e6 * result.cpuSeconds) / requests.length);
    this.latenciesMs.push(...result.latenciesMs);
    return result;
  }

  /** Returns the cells of a table's row; `ours` is the base of the ratios. */
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
