import { Random } from '../crash/random.js';
import { SoakClient } from './client.js';
import { Fleet, FleetLoad, type FleetSize } from './fleet.js';
import { settleAll } from './settle.js';
import { countsOf, untilOver } from './work.js';

export interface SharedSoakOptions extends FleetSize {
  /** Time after which no round begins any more. */
  readonly minutes: number;
  /** Time between kills, on average. */
  readonly killSeconds: number;
  /** Kills before everything is compared. */
  readonly killsPerRound: number;
  readonly clients: number;
  readonly seed: number;
}

/** One kill in so many is the database's. */
const DATABASE_EVERY = 4;

/**
 * Loads several servers on one database, and kills one of them or the database, over and over; rejects if
 * anything differs from the acknowledged state, and keeps the database's files then. Resolves to the number
 * of kills.
 */
export async function soakShared(
  options: SharedSoakOptions,
  report: (line: string) => void,
): Promise<{ readonly servers: number; readonly databases: number }> {
  const { minutes, seed } = options;
  const random = new Random(seed);
  const clients = Array.from({ length: options.clients }, (_, index) => new SoakClient(index, seed));
  const fleet = await Fleet.start(options);
  report(`database in ${fleet.place}`);
  let keep = true;
  try {
    const endMs = Date.now() + minutes * 60_000;
    for (let number = 1; number === 1 || Date.now() < endMs; number++) {
      const load = new FleetLoad(fleet, random);
      await live(load, clients, random, options);
      const { servers, databases } = fleet.killed;
      report(`round ${number}: ${countsOf(load, clients)}`);
      report(`round ${number}: killed ${servers} servers so far, the database ${databases} times`);
      report(`round ${number}: ended with ${await settleAll(fleet.addresses, clients)}`);
    }
    await fleet.stop();
    keep = false;
  } finally {
    fleet.end({ keep });
  }
  return fleet.killed;
}

/** Loads servers while they and their database are killed; resolves when all that was begun has ended. */
async function live(
  load: FleetLoad,
  clients: readonly SoakClient[],
  random: Random,
  { killSeconds, killsPerRound }: SharedSoakOptions,
): Promise<void> {
  const { working, failed } = untilOver(load, clients, random, { canBackUp: false });
  let hasFailed = false;
  void failed.then(() => (hasFailed = true));
  try {
    for (let kills = 1; kills <= killsPerRound && !hasFailed; kills++) {
      await Promise.race([failed, load.pause(killSeconds * (500 + random.below(1000)))]);
      if (kills % DATABASE_EVERY === 2) await load.killDatabase();
      else await load.killServer();
    }
    await Promise.race([failed, load.pause(killSeconds * 1000)]);
  } finally {
    load.leave();
    await working;
  }
}
