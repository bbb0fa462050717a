import { fork, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { DurableKind } from './backends.js';
import { addCounts, type FactCounts } from './facts.js';
import { Random } from './random.js';
import type { Acknowledged, LaneOptions, Moment } from './rounds.js';

/** Workers at the same time, in folders of their own. */
const LANES = 3;

/** Moments after which workers are killed, as often as they stand here. */
const moments: readonly Moment[] = [
  ...(['go', 'open', 'working', 'working', 'working'] as const),
  ...(['rewriting', 'collecting'] as const),
];

export interface LanesOptions extends Omit<LaneOptions, 'inMemory' | 'moments'> {
  readonly rounds: number;
}

/**
 * Distributes the rounds among lanes, each a process: a process that is started while a vault is open
 * inherits LMDB's open file, and then nobody could unmount the file's disk. Each moment comes once in as many
 * rounds as there are moments, in random order. Rejects if a lane does; the others end then.
 */
export async function runLanes(options: LanesOptions): Promise<Acknowledged> {
  const { kinds, rounds, seed, powerCut } = options;
  const order = new Random(seed).shuffled(moments);
  const momentOf = (round: number) => order[round % order.length]!;
  const lanes = Array.from({ length: LANES }, () =>
    fork(join(import.meta.dirname, 'lane.js'), { serialization: 'advanced' }),
  );
  const sums = new Map<DurableKind, FactCounts>(kinds.map((kind) => [kind, new Map()]));
  try {
    const results = lanes.map((lane, at) => {
      const inMemory = at % 2 === 1 && !powerCut && existsSync('/dev/shm');
      const count = Math.ceil((rounds - at) / LANES);
      const own = Array.from({ length: count }, (_, round) => momentOf(at + round * LANES));
      const share = { moments: own, seed: seed * LANES + at, inMemory };
      return resultOf(lane, { kinds, powerCut, ...share });
    });
    for (const acknowledged of await Promise.all(results)) {
      for (const [kind, counts] of acknowledged) addCounts(sums.get(kind)!, counts);
    }
  } catch (error) {
    throw new Error(`--seed ${seed}: ${String(error)}`, { cause: error });
  } finally {
    for (const lane of lanes) if (lane.connected) lane.disconnect();
  }
  return sums;
}

function resultOf(lane: ChildProcess, options: LaneOptions): Promise<Acknowledged> {
  return new Promise((resolve, reject) => {
    lane.once('message', (acknowledged) => resolve(acknowledged as Acknowledged));
    lane.once('error', reject);
    lane.once('exit', (code, signal) => reject(new Error(`a lane ended with ${signal ?? `code ${code}`}`)));
    lane.send(options);
  });
}
