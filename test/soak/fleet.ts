import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stopPostgres } from '../../bench/lib/postgres-programs.js';
import { processTree } from '../../bench/lib/process-tree.js';
import type { ClientError } from '../../src/client/index.js';
import { migratePostgres } from '../../src/storage/index.js';
import type { Random } from '../crash/random.js';
import { isAlive, signalTo } from '../support/children.js';
import { restartPostgres, startPostgres } from '../support/postgres.js';
import { startStrictStowken, type StowkenProcess } from '../support/process.js';
import { Broken } from './compare.js';
import { Load } from './load.js';

const settings = ['fsync=on', 'synchronous_commit=on'];
/** Time for which a killed database is away, at most. */
const AWAY_MS_MAX = 2000;

/** Servers of a fleet, the workers of each, and the partitions of their vault. */
export interface FleetSize {
  readonly servers: number;
  readonly workers?: number;
  readonly partitions?: number;
}

/** A database of its own, and servers on one vault in it. */
export class Fleet {
  readonly #data: string;
  #servers: StowkenProcess[] = [];
  /** Processes killed so far. */
  readonly killed = { servers: 0, databases: 0 };

  private constructor(
    private readonly folder: string,
    private readonly url: string,
    private readonly workers: number,
  ) {
    this.#data = join(folder, 'data');
  }

  /** Makes a database and starts so many servers. */
  static async start({ servers, workers = 1, partitions = 1 }: FleetSize): Promise<Fleet> {
    const folder = mkdtempSync(join(tmpdir(), 'stowken-soak-'));
    chmodSync(folder, 0o711);
    const url = await startPostgres(join(folder, 'data'), settings);
    await migratePostgres({ url, partitions });
    const fleet = new Fleet(folder, url, workers);
    for (let n = 0; n < servers; n++) fleet.#servers.push(await fleet.#startServer());
    return fleet;
  }

  get addresses(): readonly string[] {
    return this.#servers.map(({ address }) => address);
  }

  /** Folder of the database's files. */
  get place(): string {
    return this.folder;
  }

  /** Kills a server, and starts another one in its place. */
  async killServer(random: Random): Promise<void> {
    const index = random.below(this.#servers.length);
    const [unlucky] = this.#servers.splice(index, 1);
    await unlucky!.kill('SIGKILL');
    this.killed.servers += 1;
    this.#servers.push(await this.#startServer());
  }

  /** Kills all processes of the database, at once, and starts it again some time later. */
  async killDatabase(random: Random): Promise<void> {
    const [main] = readFileSync(join(this.#data, 'postmaster.pid'), 'utf8').split('\n');
    const pids = processTree(Number(main));
    for (const pid of pids) signalTo(pid, 'SIGKILL');
    this.killed.databases += 1;
    await sleep(random.below(AWAY_MS_MAX));
    // It does not start while one of its former processes lives.
    while (pids.some(isAlive)) await sleep(20);
    restartPostgres(this.#data, Number(new URL(this.url).port), settings);
  }

  /** Ends servers in the regular way. @throws Broken if one fails to */
  async stop(): Promise<void> {
    for (const server of this.#servers.splice(0)) {
      const code = await server.kill('SIGTERM');
      if (code !== 0) throw new Broken(`a server ended with ${code}`);
    }
  }

  /** Kills what is left. The database's files are kept for inspection if they are not to be deleted. */
  end({ keep }: { readonly keep: boolean }): void {
    for (const { child } of this.#servers) child.kill('SIGKILL');
    stopPostgres(this.#data, 'immediate');
    if (!keep) rmSync(this.folder, { recursive: true, force: true });
  }

  #startServer(): Promise<StowkenProcess> {
    return startStrictStowken('--storage', this.url, '--workers', String(this.workers));
  }
}

/** Work on a fleet, of which processes are killed. */
export class FleetLoad extends Load {
  readonly callsPerConnection = 20;

  constructor(
    private readonly fleet: Fleet,
    private readonly random: Random,
  ) {
    super();
  }

  get address(): string {
    const { addresses } = this.fleet;
    return addresses[this.random.below(addresses.length)]!;
  }

  async killServer(): Promise<void> {
    this.disturb();
    await this.fleet.killServer(this.random);
  }

  async killDatabase(): Promise<void> {
    this.disturb();
    await this.fleet.killDatabase(this.random);
  }

  protected override onCutOff({ reason }: ClientError): void {
    this.count(`cut off: ${reason ?? 'no server'}`);
  }
}
