import type { Random } from '../crash/random.js';
import { connected, type SoakClient } from './client.js';
import type { Load } from './load.js';
import { maintain } from './maintenance.js';

const MAINTENANCE_PAUSE_MS = 3000;

export interface Working {
  /** Resolves when all have ended their work, or rejects with the first failure. */
  readonly working: Promise<unknown>;
  /** Resolves at the first failure, or at the end. */
  readonly failed: Promise<void>;
}

/** Lets clients work until a load is over, and one more maintain the vault. */
export function untilOver(
  load: Load,
  clients: readonly SoakClient[],
  random: Random,
  vault: { readonly canBackUp: boolean },
): Working {
  const working = Promise.all([...clients.map((each) => each.work(load)), tend(load, random, vault)]);
  // A failure ends the load, and is thrown when it has ended.
  return { working, failed: working.then(nothing, nothing) };
}

const nothing = () => undefined;

async function tend(load: Load, random: Random, vault: { readonly canBackUp: boolean }): Promise<void> {
  while (!load.isOver) {
    await connected(load.address, async (client) => {
      for (let left = load.callsPerConnection; left > 0 && !load.isOver; left--) {
        const isAnswered = await load.calling(() => maintain(client, random, vault));
        await load.pause(MAINTENANCE_PAUSE_MS);
        if (!isAnswered) return;
      }
    });
  }
}

export function countsOf({ counts }: Load, clients: readonly SoakClient[]): string {
  const acknowledged = clients.reduce((sum, { journal }) => sum + journal.acknowledged, 0);
  const list = [...counts].sort().map(([what, count]) => `${count} ${what}`);
  return `${list.join(', ')}; ${acknowledged} changes acknowledged so far`;
}
