import { memoryOf, processTree, type Memory } from '../../bench/lib/process-tree.js';
import type { Random } from '../crash/random.js';
import { signalTo } from '../support/children.js';
import type { StowkenProcess } from '../support/process.js';
import { Load } from './load.js';

const LOOK_AT_MEMORY_MS = 250;

/** One life of a server, and the work done in it. */
export class Round extends Load {
  readonly callsPerConnection = Infinity;
  readonly #watch: NodeJS.Timeout;
  #memory: Memory = memoryOf([]);

  constructor(private readonly server: StowkenProcess) {
    super();
    this.#watch = setInterval(() => this.#look(), LOOK_AT_MEMORY_MS);
  }

  get address(): string {
    return this.server.address;
  }

  /** Memory at the last sample, and each figure's maximum for a process. */
  get memory(): Memory {
    return this.#memory;
  }

  /** Kills one of the serving processes, if the process that owns the vault does not serve itself. */
  killWorker(random: Random): void {
    const [, ...workers] = processTree(this.server.child.pid!);
    const unlucky = workers[random.below(workers.length)];
    if (unlucky === undefined) return;
    this.disturb();
    process.kill(unlucky, 'SIGKILL');
  }

  /** Kills all serving processes, at once; resolves to their pids. */
  killWorkers(): readonly number[] {
    const [, ...workers] = processTree(this.server.child.pid!);
    this.disturb();
    for (const pid of workers) signalTo(pid, 'SIGKILL');
    return workers;
  }

  async kill(): Promise<void> {
    this.disturb();
    await this.#end('SIGKILL');
  }

  override leave(): void {
    clearInterval(this.#watch);
    super.leave();
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
