import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import type { AuditSink, AuditSource } from '../audit/index.js';
import type { Measured } from '../metrics/index.js';
import { accept, type Acceptor, createAdmission } from '../rpc/index.js';
import { keepHeapLean, removeStrayCopies } from '../storage/index.js';
import {
  healthOf,
  type OpenVaults,
  type RunningWork,
  sameHealth,
  type StoredVault,
  type VaultAdmin,
  type VaultsHealth,
} from '../vaults/index.js';
import type { Announcements } from './announcements.js';
import { WorkerMetrics } from './worker-metrics.js';
import { WorkerPool } from './worker-pool.js';
import { Grants } from './grants.js';
import type { PrimaryHandlers, WorkerOptions } from './handlers.js';
import { heapGrowthPercent } from './heap-growth.js';
import { type Entrance, Reception } from './reception.js';
import { holdSlot } from './slots.js';
import { holdWork } from './work.js';
import { WorkerProcess } from './worker-process.js';

export interface PrimaryOptions {
  readonly workers: number;
  /** "host:port", port 0 for any free one, or "unix:/path". */
  readonly listen: string;
  /** The same for the page; undefined if there is none. */
  readonly listenPage: string | undefined;
  /** Owned by this process; others only read them. Their commits go through `announcements`. */
  readonly vaults: OpenVaults<StoredVault>;
  readonly admin: VaultAdmin;
  readonly work: RunningWork;
  readonly audit: AuditSink & AuditSource;
  readonly announcements: Announcements;
  /** Returns the folder of a vault; undefined if it is in a database. */
  readonly folderOf: (vault: string) => string | undefined;
  /** Returns the label of a vault's metrics. */
  readonly labelOf: (vault: string) => string;
  readonly logger: Logger;
  readonly worker: Omit<WorkerOptions, 'health' | 'workers'>;
}

/**
 * Owner of vaults that several processes serve: it accepts connections and does all writing; the workers do
 * the rest. Vaults in a database they write by themselves: then it keeps what is one for all of them, the
 * sweeps, automatic compaction, settings, the audit log and the metrics.
 */
export class Primary {
  /** Admission of the costly calls of all workers. */
  readonly #admission = createAdmission();
  readonly #reception = new Reception();
  readonly #grants = new Map<WorkerProcess, Grants>();
  readonly #metrics = new WorkerMetrics();
  #pool: WorkerPool | undefined;
  readonly #acceptors: Acceptor[] = [];
  #health: VaultsHealth;
  #ended = 0;

  constructor(private readonly options: PrimaryOptions) {
    this.#health = healthOf(options.vaults.states());
  }

  /** Starts the workers. Resolves to the addresses when all of them serve. Rejects if one of them cannot. */
  async start(): Promise<{ readonly address: string; readonly pageAddress: string | undefined }> {
    keepHeapLean(heapGrowthPercent.primary);
    const { workers, listen, listenPage, logger } = this.options;
    this.#health = healthOf(this.options.vaults.states());
    try {
      this.#acceptors.push(await this.#accept(listen, 'grpc'));
      if (listenPage !== undefined) this.#acceptors.push(await this.#accept(listenPage, 'page'));
      this.#pool = new WorkerPool({
        workers,
        logger,
        start: () => this.#startWorker(),
        onEnded: (worker) => this.#forget(worker),
        onLook: () => this.sendHealth(),
      });
      await this.#pool.start();
      this.#reception.begin();
      const [address, pageAddress] = this.#acceptors.map((each) => each.address);
      return { address: address!, pageAddress };
    } catch (error) {
      await this.drain(0);
      throw error;
    }
  }

  /** Accepts no more connections; workers finish the calls under way and end. */
  async drain(graceMs: number): Promise<void> {
    for (const acceptor of this.#acceptors) acceptor.close();
    this.#reception.close();
    await this.#pool?.drain(graceMs);
  }

  /** Sends the health of the vaults to the workers, if it has changed. */
  sendHealth(): void {
    const health = healthOf(this.options.vaults.states());
    if (sameHealth(health, this.#health)) return;
    this.#health = health;
    void this.options.announcements.send('setHealth', health);
  }

  /** Workers that serve, those that there are to be, and those that have ended since the start. */
  get figures() {
    const serving = this.#pool?.workers.filter(({ isServing }) => isServing).length ?? 0;
    return { serving, wanted: this.options.workers, ended: this.#ended };
  }

  /** Returns the metrics of all workers, of those that have ended too. */
  collectMetrics(): Promise<readonly (readonly Measured[])[]> {
    return this.#metrics.collect(this.#pool?.workers ?? []);
  }

  #accept(listen: string, entrance: Entrance): Promise<Acceptor> {
    const give = (connection: Socket): void => this.#reception.accept(connection, entrance);
    return accept(listen, give, { paused: true });
  }

  #startWorker(): WorkerProcess {
    const { vaults, announcements, folderOf, labelOf, logger } = this.options;
    const grants: Grants = new Grants(vaults, announcements, () => worker, folderOf, labelOf);
    const worker: WorkerProcess = new WorkerProcess(
      {
        calls: { ...grants.calls, ...this.#adminCalls() },
        streams: { ...grants.streams, slot: this.#slot, work: this.#work },
      },
      () => ({ ...this.options.worker, workers: this.options.workers, health: this.#health }),
      () => this.#reception.giveOut(),
      () => logger.warn({ pid: worker.pid }, 'a worker did not take a connection: it is closed'),
    );
    this.#grants.set(worker, grants);
    announcements.add(worker);
    this.#reception.add(worker);
    return worker;
  }

  readonly #slot: PrimaryHandlers['streams']['slot'] = (applicant, signal) =>
    holdSlot(this.#admission, applicant, signal);

  readonly #work: PrimaryHandlers['streams']['work'] = ({ vault, task }, signal) =>
    holdWork(() => this.options.work.begin(vault, task), signal);

  #adminCalls() {
    const { admin, audit } = this.options;
    return {
      createVault: ({ name, settings }) => admin.create(name, settings),
      getVault: (name) => admin.get(name),
      getRetention: (name) => admin.retention(name),
      updateVault: ({ name, settings, reset }) => admin.update(name, settings, reset),
      listVaults: ({ after, limit }) => admin.list(after, limit),
      deleteVault: ({ name, confirmed }) => admin.delete(name, confirmed),
      recordAudit: (event) => audit.record(event),
      listAudit: (query) => audit.list(query),
    } satisfies Partial<PrimaryHandlers['calls']>;
  }

  /** Releases everything that a worker held. */
  async #forget(worker: WorkerProcess): Promise<void> {
    this.#reception.remove(worker);
    this.#metrics.ended(worker);
    this.#ended += 1;
    const grants = this.#grants.get(worker);
    const folders = grants?.folders ?? [];
    grants?.end();
    this.#grants.delete(worker);
    this.options.announcements.remove(worker);
    await Promise.all(folders.map((folder) => removeStrayCopies(folder, worker.pid)));
  }
}
