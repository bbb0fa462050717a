import { connect } from '../../src/client/index.js';
import { Random } from '../crash/random.js';
import { startStrictStowken } from '../support/process.js';
import { SoakClient } from './client.js';
import { Broken } from './compare.js';
import { maintain, verified } from './maintenance.js';
import { Round } from './round.js';

export interface SoakOptions {
  readonly folder: string;
  readonly minutes: number;
  /** Time that each server lives under load. */
  readonly killSeconds: number;
  readonly clients: number;
  readonly workers: number;
  readonly seed: number;
}

const MAINTENANCE_PAUSE_MS = 3000;

/**
 * Starts, loads and kills a server over and over; rejects if anything differs from the acknowledged state.
 */
export async function soak(options: SoakOptions, report: (line: string) => void): Promise<void> {
  const { minutes, killSeconds, workers, seed } = options;
  const random = new Random(seed);
  const clients = Array.from({ length: options.clients }, (_, index) => new SoakClient(index, seed));
  const endMs = Date.now() + minutes * 60_000;
  for (let number = 1; Date.now() < endMs; number++) {
    const round = await start(options);
    const found = await settleAll(round, clients);
    await live(round, clients, random, { lifeMs: killSeconds * 1000, killWorker: workers > 1 });
    report(`round ${number}: began with ${found}; ${memoryIn(round)}; ${countsOf(round, clients)}`);
  }
  const last = await start(options);
  report(`the end: ${await settleAll(last, clients)}`);
  const code = await last.stop();
  if (code !== 0) throw new Broken(`the server ended with ${code}`);
}

async function start({ folder, workers }: SoakOptions): Promise<Round> {
  return new Round(await startStrictStowken('--data', folder, '--workers', String(workers)));
}

/** Checks that everything acknowledged is stored, and nothing else. */
async function settleAll({ address }: Round, clients: readonly SoakClient[]): Promise<string> {
  const client = connect({ server: address });
  try {
    await verified(client);
    const outcomes = await Promise.all(clients.map((each) => each.settle(address)));
    for (const each of clients) await each.compareAll(address);
    const stats = await client.stats();
    const known = clients.reduce((sum, { journal }) => sum + journal.conversations.size, 0);
    if (stats.conversations !== known)
      throw new Broken(`${stats.conversations} conversations are stored, not ${known}`);
    const unanswered = outcomes.filter((outcome) => outcome !== undefined);
    return (
      `${known} conversations of ${stats.tokens} tokens, all equal, verify clean, ` +
      `${megabytes(stats.inUseBytes)} in use of ${megabytes(stats.fileBytes)}` +
      (unanswered.length > 0 ? `, unanswered changes: ${unanswered.join(', ')}` : '')
    );
  } finally {
    client.close();
  }
}

/** Loads a server until it is killed; one of its workers is killed half-way. */
async function live(
  round: Round,
  clients: readonly SoakClient[],
  random: Random,
  { lifeMs, killWorker }: { readonly lifeMs: number; readonly killWorker: boolean },
): Promise<void> {
  const working = Promise.all([...clients.map((each) => each.work(round)), tend(round, random)]);
  // A failure ends the round, and is thrown when it has ended.
  const failed = working.then(nothing, nothing);
  await Promise.race([failed, round.pause(lifeMs / 2)]);
  if (killWorker) round.killWorker(random);
  await Promise.race([failed, round.pause(lifeMs / 2)]);
  await round.kill();
  await working;
}

const nothing = () => undefined;

async function tend(round: Round, random: Random): Promise<void> {
  const client = connect({ server: round.address });
  try {
    while (!round.isOver) {
      await round.calling(() => maintain(client, random));
      await round.pause(MAINTENANCE_PAUSE_MS);
    }
  } finally {
    client.close();
  }
}

function memoryIn({ memory }: Round): string {
  const { residentBytes, ownBytes, peakBytes } = memory;
  return `memory ${megabytes(residentBytes)}, ${megabytes(ownBytes)} of it no file's, at most ${megabytes(peakBytes)}`;
}

function countsOf({ counts }: Round, clients: readonly SoakClient[]): string {
  const acknowledged = clients.reduce((sum, { journal }) => sum + journal.acknowledged, 0);
  const list = [...counts].sort().map(([what, count]) => `${count} ${what}`);
  return `${list.join(', ')}; ${acknowledged} changes acknowledged so far`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
