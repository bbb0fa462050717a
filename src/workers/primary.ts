import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import type { Logger } from 'pino';
import { limits } from '../model/index.js';
import { keepHeapLean, type Change, type MaintainedBackend, type StorageHealth } from '../storage/index.js';
import type { Vault } from '../vault/index.js';
import { Channel } from './channel.js';
import { forwardReads } from './forward.js';
import { heapGrowthPercent, semiSpaceMebibytes } from './heap-growth.js';
import { ListsAhead } from './lists-ahead.js';
import type { PrimaryOffer, WorkerOffer, WorkerOptions } from './offers.js';
import { workerPort } from './ports.js';

export interface PrimaryOptions {
  readonly workers: number;
  /** Kept by this process; others only read it. */
  readonly backend: MaintainedBackend;
  readonly logger: Logger;
  readonly worker: Omit<WorkerOptions, 'health' | 'workers'>;
}

/** What this process does for all workers. */
type Tended = Pick<Vault, 'compact' | 'verify'>;

/** A worker, and what it holds. */
interface Crew {
  readonly worker: Worker;
  readonly channel: Channel<WorkerOffer>;
  readonly leases: Map<number, () => void>;
  /** Whether it listens to what it is told: what is sent to a process before it does is lost. */
  enlisted: boolean;
}

/** Keeps a vault that several processes serve: it does all that writes, and they do the rest. */
export class Primary {
  /** For whatever this process does with the vault itself: workers hear of it. */
  readonly backend: MaintainedBackend;
  readonly #crew = new Set<Crew>();
  #lastLease = 0;
  #health: StorageHealth;
  #watch: NodeJS.Timeout | undefined;
  #draining = false;

  constructor(private readonly options: PrimaryOptions) {
    const { backend } = options;
    this.#health = backend.health();
    this.backend = {
      ...forwardReads(() => backend),
      kind: backend.kind,
      vaultId: backend.vaultId,
      commit: (change) => this.#commit(change),
      repair: (check) => backend.repair(check),
      looseBytes: (signal) => backend.looseBytes(signal),
      condense: (signal) => backend.condense(signal),
      lease: () => backend.lease(),
      health: () => backend.health(),
      close: () => backend.close(),
    };
  }

  /** Starts the workers; resolves to the address when all of them listen. Rejects when one of them cannot. */
  async start(vault: Tended): Promise<string> {
    cluster.setupPrimary({
      exec: createRequire(import.meta.url).resolve('#build/src/workers/worker.js'),
      args: [],
      execArgv: [...process.execArgv, `--max-semi-space-size=${semiSpaceMebibytes}`],
      serialization: 'advanced',
    });
    keepHeapLean(heapGrowthPercent.primary);
    try {
      const { workers } = this.options;
      const [address] = await Promise.all(Array.from({ length: workers }, () => this.#add(vault)));
      this.#watch = setInterval(() => this.#tellHealth(), limits.workerNewsMs).unref();
      return address as string;
    } catch (error) {
      await this.drain(0);
      throw error;
    }
  }

  /** Workers finish the calls under way and end. */
  async drain(graceMs: number): Promise<void> {
    this.#draining = true;
    clearInterval(this.#watch);
    await Promise.all(
      [...this.#crew].map(async ({ worker, channel, enlisted }) => {
        const ended = once(worker, 'exit');
        if (enlisted) {
          await channel.call('drain', graceMs).catch(() => undefined);
          worker.disconnect();
        } else worker.process.kill('SIGKILL');
        await ended;
      }),
    );
  }

  /** Resolves to the address on which it listens. */
  #add(vault: Tended): Promise<string> {
    return new Promise((resolve, reject) => {
      const worker = cluster.fork();
      const leases = new Map<number, () => void>();
      const offer = this.#offer(vault, leases, {
        enlist: () => {
          crew.enlisted = true;
          return { ...this.options.worker, workers: this.options.workers, health: this.#health };
        },
        started: (outcome) => {
          if ('address' in outcome) resolve(outcome.address);
          else reject(new Error(`a worker cannot serve: ${outcome.refusal}`));
        },
      });
      const channel = new Channel<WorkerOffer>(workerPort(worker), offer);
      const crew: Crew = { worker, channel, leases, enlisted: false };
      this.#crew.add(crew);
      worker.once('exit', (code: number | null, signal: string | null) => {
        reject(new Error(`a worker ended before it served: ${signal ?? code}`));
        this.#lost(crew, vault, `${signal ?? code}`);
      });
    });
  }

  #lost(crew: Crew, vault: Tended, how: string): void {
    this.#crew.delete(crew);
    for (const release of crew.leases.values()) release();
    if (this.#draining) return;
    this.options.logger.error(
      { pid: crew.worker.process.pid, how },
      'a worker ended; another one takes its place',
    );
    setTimeout(() => {
      if (this.#draining) return;
      this.#add(vault).catch((error: unknown) => {
        if (!this.#draining) this.options.logger.error({ err: error }, 'a worker could not start');
      });
    }, limits.workerRestartMs).unref();
  }

  #offer(
    vault: Tended,
    leases: Map<number, () => void>,
    beginning: Pick<PrimaryOffer['calls'], 'enlist' | 'started'>,
  ): PrimaryOffer {
    const { backend } = this.options;
    const lists = new ListsAhead();
    return {
      calls: {
        ...beginning,
        sendPiece: (piece) => lists.add(piece),
        commit: (change) => this.#commit(lists.whole(change)),
        takeLease: () => {
          leases.set(++this.#lastLease, backend.lease());
          return this.#lastLease;
        },
        releaseLease: (lease) => {
          leases.get(lease)?.();
          leases.delete(lease);
        },
      },
      streams: {
        compact: (input, signal) => vault.compact(input, signal),
        verify: (input, signal) => vault.verify(input, signal),
      },
    };
  }

  async #commit(change: Change) {
    // Idle workers hold leases too, which would keep garbage that nobody reads.
    if (change.collect ?? change.deleteSegments) await this.#tell('renewLease', undefined);
    try {
      return await this.options.backend.commit(change);
    } finally {
      this.#tellHealth();
      if (change.putRegistry ?? change.dropRegistries) await this.#tellRegistries();
    }
  }

  /** Workers encode with the newest registry from now on. */
  async #tellRegistries(): Promise<void> {
    const ids = (await this.options.backend.listRegistries()).map(({ id }) => id);
    await this.#tell('setRegistries', ids);
  }

  #tellHealth(): void {
    const health = this.options.backend.health();
    if (health.writable === this.#health.writable && health.cause === this.#health.cause) return;
    this.#health = health;
    void this.#tell('setHealth', health);
  }

  async #tell<Name extends 'setRegistries' | 'setHealth' | 'renewLease'>(
    name: Name,
    argument: Parameters<WorkerOffer['calls'][Name]>[0],
  ): Promise<void> {
    const told = [...this.#crew]
      .filter(({ enlisted }) => enlisted)
      .map(({ channel }) => channel.call(name, argument as never));
    // One that has just ended needs no news.
    await Promise.allSettled(told);
  }
}
