import { setTimeout as sleep } from 'node:timers/promises';
import { memoryOf, processTree, type Memory } from '../../bench/lib/process-tree.js';
import { isUnreachable } from '../../src/client/index.js';
import type { Random } from '../crash/random.js';
import { signalTo } from '../support/children.js';
import type { StowkenProcess } from '../support/process.js';

const LOOK_AT_MEMORY_MS = 250;

/** One life of a server, and the work done in it. */
export class Round {
  readonly counts = new Map<string, number>();
  readonly #over = new AbortController();
  readonly #watch: NodeJS.Timeout;
  #memory: Memory = memoryOf([]);
  #isDisturbed = false;

  constructor(private readonly server: StowkenProcess) {
    this.#watch = setInterval(() => this.#look(), LOOK_AT_MEMORY_MS);
  }

  get address(): string {
    return this.server.address;
  }

  get isOver(): boolean {
    return this.#over.signal.aborted;
  }

  /** Memory at the last sample, and each figure's maximum for a process. */
  get memory(): Memory {
    return this.#memory;
  }

  /** Makes a call and counts it; throws its error, unless a process was killed. */
  async calling(what: () => Promise<string>): Promise<void> {
    try {
      const name = await what();
      this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    } catch (error) {
      if (!isUnreachable(error) || !this.#isDisturbed) throw error;
    }
  }

  /** Waits, or until the round is over. */
  async pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#over.signal }).catch(() => undefined);
  }

  /** Kills one of the serving processes, if the process that owns the vault does not serve itself. */
  killWorker(random: Random): void {
    const [, ...workers] = processTree(this.server.child.pid!);
    const unlucky = workers[random.below(workers.length)];
    if (unlucky === undefined) return;
    this.#isDisturbed = true;
    process.kill(unlucky, 'SIGKILL');
  }

  /** Kills all serving processes, at once; resolves to their pids. */
  killWorkers(): readonly number[] {
    const [, ...workers] = processTree(this.server.child.pid!);
    this.#isDisturbed = true;
    for (const pid of workers) signalTo(pid, 'SIGKILL');
    return workers;
  }

  async kill(): Promise<void> {
    this.#isDisturbed = true;
    await this.#end('SIGKILL');
  }

  /** Ends the round; the server continues. */
  leave(): void {
    clearInterval(this.#watch);
    this.#over.abort();
  }

  /** Lets the server end in the regular way; resolves to its exit code. */
  stop(): Promise<number | null> {
    return this.#end('SIGTERM');
  }

  #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    this.#look();
    this.leave();
    return this.server.kill(signal);
  }

  #look(): void {
    const { peakBytes } = this.#memory;
    const now = memoryOf(processTree(this.server.child.pid!));
    this.#memory = { ...now, peakBytes: Math.max(peakBytes, now.peakBytes) };
  }
}
