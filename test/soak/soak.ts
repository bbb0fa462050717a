import { Random } from '../crash/random.js';
import { startStrictStowken } from '../support/process.js';
import { SoakClient } from './client.js';
import { Broken } from './compare.js';
import { Round } from './round.js';
import { megabytes, settleAll } from './settle.js';
import { countsOf, untilOver } from './work.js';

export interface SoakOptions {
  readonly folder: string;
  readonly minutes: number;
  /** Time that each server lives under load. */
  readonly killSeconds: number;
  readonly clients: number;
  readonly workers: number;
  readonly seed: number;
}

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
    const found = await settleAll([round.address], clients);
    await live(round, clients, random, { lifeMs: killSeconds * 1000, killWorker: workers > 1 });
    report(`round ${number}: began with ${found}; ${memoryIn(round)}; ${countsOf(round, clients)}`);
  }
  const last = await start(options);
  report(`the end: ${await settleAll([last.address], clients)}`);
  const code = await last.stop();
  if (code !== 0) throw new Broken(`the server ended with ${code}`);
}

async function start({ folder, workers }: SoakOptions): Promise<Round> {
  return new Round(await startStrictStowken('--data', folder, '--workers', String(workers)));
}

/** Loads a server until it is killed; one of its workers is killed half-way. */
async function live(
  round: Round,
  clients: readonly SoakClient[],
  random: Random,
  { lifeMs, killWorker }: { readonly lifeMs: number; readonly killWorker: boolean },
): Promise<void> {
  const { working, failed } = untilOver(round, clients, random, { canBackUp: true });
  await Promise.race([failed, round.pause(lifeMs / 2)]);
  if (killWorker) round.killWorker(random);
  await Promise.race([failed, round.pause(lifeMs / 2)]);
  await round.kill();
  await working;
}

function memoryIn({ memory }: Round): string {
  const { residentBytes, ownBytes, peakBytes } = memory;
  return `memory ${megabytes(residentBytes)}, ${megabytes(ownBytes)} of it no file's, at most ${megabytes(peakBytes)}`;
}
