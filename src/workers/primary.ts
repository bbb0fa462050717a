import type { Logger } from 'pino';
import { accept, type Acceptor, createAdmission } from '../rpc/index.js';
import {
  type Change,
  keepHeapLean,
  type MaintainedBackend,
  removeStrayCopies,
  type StorageHealth,
} from '../storage/index.js';
import type { Vault } from '../vault/index.js';
import { WorkerPool } from './worker-pool.js';
import { forwardReads, type WorkerHandlers, type WorkerOptions } from './handlers.js';
import { heapGrowthPercent } from './heap-growth.js';
import { ListsAhead } from './message-list-transfer.js';
import { Reception } from './reception.js';
import { holdSlot } from './slots.js';
import { type VaultOffer, WorkerProcess } from './worker-process.js';

export interface PrimaryOptions {
  readonly workers: number;
  /** "host:port", port 0 for any free one, or "unix:/path". */
  readonly listen: string;
  /** Owned by this process; others only read it. */
  readonly backend: MaintainedBackend;
  readonly logger: Logger;
  readonly worker: Omit<WorkerOptions, 'health' | 'workers'>;
}

/** Operations that this process runs for all workers. */
type PrimaryVault = Pick<Vault, 'compact' | 'verify'>;

/**
 * Owner of a vault that several processes serve: it accepts connections and does all writing; the workers do
 * the rest.
 */
export class Primary {
  /** For this process's own work on the vault: workers are notified of its changes. */
  readonly backend: MaintainedBackend;
  /** Admission of the costly calls of all workers. */
  readonly #admission = createAdmission();
  readonly #reception = new Reception();
  readonly #leases = new Map<WorkerProcess, Map<number, () => void>>();
  #pool: WorkerPool | undefined;
  #acceptor: Acceptor | undefined;
  #lastLease = 0;
  #health: StorageHealth;

  constructor(private readonly options: PrimaryOptions) {
    const { backend } = options;
    this.#health = backend.health();
    this.backend = {
      ...forwardReads(() => backend),
      kind: backend.kind,
      vaultId: backend.vaultId,
      commit: (change) => this.#commit(change),
      repair: (check) => backend.repair(check),
      reclaimableBytes: (signal) => backend.reclaimableBytes(signal),
      defragment: (signal) => backend.defragment(signal),
      lease: () => backend.lease(),
      tryLease: (name) => backend.tryLease(name),
      health: () => backend.health(),
      close: () => backend.close(),
    };
  }

  /** Starts the workers. Resolves to the address when all of them serve. Rejects if one of them cannot. */
  async start(vault: PrimaryVault): Promise<string> {
    keepHeapLean(heapGrowthPercent.primary);
    const { workers, listen, logger } = this.options;
    try {
      this.#acceptor = await accept(listen, (connection) => this.#reception.accept(connection), {
        paused: true,
      });
      this.#pool = new WorkerPool({
        workers,
        logger,
        start: () => this.#startWorker(vault),
        onEnded: (worker) => this.#forget(worker),
        onLook: () => this.#sendHealth(),
      });
      await this.#pool.start();
      return this.#acceptor.address;
    } catch (error) {
      await this.drain(0);
      throw error;
    }
  }

  /** Accepts no more connections; workers finish the calls under way and end. */
  async drain(graceMs: number): Promise<void> {
    this.#acceptor?.close();
    this.#reception.close();
    await this.#pool?.drain(graceMs);
  }

  #startWorker(vault: PrimaryVault): WorkerProcess {
    const leases = new Map<number, () => void>();
    const worker = new WorkerProcess(
      this.#offer(vault, leases),
      () => ({ ...this.options.worker, workers: this.options.workers, health: this.#health }),
      () => this.#reception.giveOut(),
      () => this.options.logger.warn({ pid: worker.pid }, 'a worker did not take a connection: it is closed'),
    );
    this.#leases.set(worker, leases);
    this.#reception.add(worker);
    return worker;
  }

  /** Releases everything that a worker held. */
  async #forget(worker: WorkerProcess): Promise<void> {
    this.#reception.remove(worker);
    for (const release of this.#leases.get(worker)?.values() ?? []) release();
    this.#leases.delete(worker);
    await removeStrayCopies(this.options.worker.dataDir, worker.pid);
  }

  #offer(vault: PrimaryVault, leases: Map<number, () => void>): VaultOffer {
    const { backend } = this.options;
    const lists = new ListsAhead();
    return {
      calls: {
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
        slot: (applicant, signal) => holdSlot(this.#admission, applicant, signal),
        compact: (input, signal) => vault.compact(input, signal),
        verify: (input, signal) => vault.verify(input, signal),
      },
    };
  }

  async #commit(change: Change) {
    // Idle workers hold leases too, which would retain garbage that nobody reads.
    if (change.collect ?? change.deleteSegments) await this.#broadcast('renewLease', undefined);
    try {
      return await this.options.backend.commit(change);
    } finally {
      this.#sendHealth();
      if (change.putRegistry ?? change.dropRegistries) await this.#sendRegistries();
    }
  }

  /** Announces the registries: workers encode with the newest one from now on. */
  async #sendRegistries(): Promise<void> {
    const ids = (await this.options.backend.listRegistries()).map(({ id }) => id);
    await this.#broadcast('setRegistries', ids);
  }

  #sendHealth(): void {
    const health = this.options.backend.health();
    if (health.writable === this.#health.writable && health.cause === this.#health.cause) return;
    this.#health = health;
    void this.#broadcast('setHealth', health);
  }

  /**
   * Sends a message to every worker. Resolves when each has answered or ended: one that does not answer is
   * killed.
   */
  async #broadcast<Name extends 'setRegistries' | 'setHealth' | 'renewLease'>(
    name: Name,
    argument: Parameters<WorkerHandlers['calls'][Name]>[0],
  ): Promise<void> {
    const sent = (this.#pool?.workers ?? [])
      .filter(({ isListening }) => isListening)
      .map(({ channel }) => channel.call(name, argument as never));
    await Promise.allSettled(sent);
  }
}
