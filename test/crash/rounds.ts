import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLiveCodec } from '../../src/codec/index.js';
import { loadCore } from '../../src/core/index.js';
import { journalOf, openDurable, vaultOf, type DurableKind } from './backends.js';
import { Contents } from './content.js';
import { addCounts, replayJournal, type FactCounts, type PossibleFacts } from './facts.js';
import { Disk } from './power.js';
import { Random } from './random.js';
import { populate, verify, type OpenedVault } from './verify.js';

export interface LaneOptions {
  readonly kinds: readonly DurableKind[];
  /** Moment after which each round's worker is killed. */
  readonly moments: readonly Moment[];
  readonly seed: number;
  /** True to cut the power too, which loses all data not on the disk. */
  readonly powerCut: boolean;
  /**
   * True if the vaults are in memory, where commits are quick and many; on a disk there are more moments
   * within one.
   */
  readonly inMemory: boolean;
}

export type Acknowledged = ReadonlyMap<DurableKind, FactCounts>;

/** Rounds with the same vaults, before the next begins with empty ones. */
const ROUNDS_PER_VAULT = 20;

/**
 * Kills workers at random moments, again and again, and checks each time that the vaults have every
 * acknowledged change, no half of one, and no violation. Rejects at the first failure, and leaves the vaults
 * in their folder.
 */
export async function runRounds(options: LaneOptions, report: (line: string) => void): Promise<Acknowledged> {
  const { kinds, moments, seed, powerCut, inMemory } = options;
  const acknowledged: Acknowledged = new Map(kinds.map((kind) => [kind, new Map()]));
  const random = new Random(seed);
  for (let done = 0; done < moments.length; done += ROUNDS_PER_VAULT) {
    const folder = await mkdtemp(join(inMemory ? '/dev/shm' : tmpdir(), 'stowken-crash-'));
    const disk = powerCut ? await Disk.create(folder) : undefined;
    try {
      const some = moments.slice(done, done + ROUNDS_PER_VAULT);
      await killRounds({ kinds, moments: some, report }, { folder, disk }, random, acknowledged);
    } catch (error) {
      throw new Error(`${folder}: ${String(error)}`, { cause: error });
    }
    await disk?.remove();
    await rm(folder, { recursive: true });
  }
  return acknowledged;
}

interface Place {
  readonly folder: string;
  /** Disk of the vaults; the journals are on another. */
  readonly disk: Disk | undefined;
}

/** Runs rounds with the same vaults. */
async function killRounds(
  { kinds, moments, report }: Pick<LaneOptions, 'kinds' | 'moments'> & { report: (line: string) => void },
  { folder, disk }: Place,
  random: Random,
  acknowledged: Acknowledged,
): Promise<void> {
  const vaults = disk?.folder ?? folder;
  const facts = new Map<DurableKind, PossibleFacts>();
  for (const kind of kinds) facts.set(kind, await opened(kind, vaultOf(vaults, kind), populate));
  const start = (round: number) =>
    startWorker([vaults, folder, `${round}`, `${random.below(2 ** 31)}`, ...kinds]);
  let next = start(0);
  for (const [round, moment] of moments.entries()) {
    const delayMs = random.below(moment === 'working' ? 120 : 60);
    await killedAfter(next, moment, delayMs, disk);
    await disk?.startAgain();
    // It starts while this round's vaults are checked.
    if (round + 1 < moments.length) next = start(round + 1);
    const counts: string[] = [];
    try {
      for (const kind of kinds) {
        const journal = journalOf(folder, kind, round);
        const known = facts.get(kind)!;
        const done = existsSync(journal) ? replayJournal(journal, known) : new Map<string, number>();
        facts.set(kind, await opened(kind, vaultOf(vaults, kind), (vault) => verify(vault, known)));
        addCounts(acknowledged.get(kind)!, done);
        counts.push(`${kind} ${[...done.values()].reduce((sum, count) => sum + count, 0)}`);
      }
    } catch (error) {
      next.kill('SIGKILL');
      throw error;
    }
    report(
      `${folder}, round ${round + 1}: killed ${delayMs} ms after ${moment}; facts: ${counts.join(', ')}`,
    );
  }
}

async function opened<T>(
  kind: DurableKind,
  folder: string,
  work: (vault: OpenedVault) => Promise<T>,
): Promise<T> {
  const core = await loadCore();
  const codec = createLiveCodec(core);
  const backend = await openDurable(kind, folder, { codec, core });
  try {
    return await work({ backend, codec, contents: new Contents(core, codec) });
  } finally {
    await backend.close();
  }
}

function startWorker(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [join(import.meta.dirname, 'worker.js'), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

/**
 * Instructions to a worker, and its reports: some come before the first change, and even before the vaults
 * are open.
 */
export type Moment = 'go' | 'open' | 'working' | 'rewriting' | 'collecting';

/** Lets a worker run until this long after a moment. */
function killedAfter(
  worker: ChildProcess,
  moment: Moment,
  delayMs: number,
  disk: Disk | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = async () => {
      await disk?.cutPower(worker.pid!).catch(reject);
      worker.kill('SIGKILL');
    };
    const endSoon = () => setTimeout(() => void end(), delayMs);
    let said = '';
    worker.stdout!.on('data', (bytes: Buffer) => {
      const before = said;
      said += bytes.toString();
      if (said.includes(moment) && !before.includes(moment)) endSoon();
    });
    worker.once('error', reject);
    worker.once('exit', (code, signal) => {
      if (signal === 'SIGKILL') resolve();
      else reject(new Error(`the worker ended by itself, with code ${code}`));
    });
    worker.stdin!.write('go\n');
    if (moment === 'go') endSoon();
  });
}
