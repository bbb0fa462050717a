import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { processTree } from '../../../bench/lib/process-tree.js';
import { connect } from '../../../src/client/index.js';
import { SoakClient } from '../../soak/client.js';
import { verified } from '../../soak/maintenance.js';
import { Round } from '../../soak/round.js';
import { isAlive } from '../../support/children.js';
import { openConnection } from '../../support/connections.js';
import { startStowken, type StowkenProcess } from '../../support/process.js';
import { Random } from '../random.js';
import { Broken } from '../verify.js';
import { readDamaged } from './flips.js';
import { Summary } from './summary.js';

export interface ServerRoundsOptions {
  readonly rounds: number;
  readonly seed: number;
  readonly workers: number;
  /** True to flip bits in a copy of the vault, now and then, while no server has it open. */
  readonly flips: boolean;
}

/** Processes to kill. */
const kinds = ['all workers', 'in hand-over', 'primary', 'everything'] as const;
type Kind = (typeof kinds)[number];

const ROUNDS_PER_VAULT = 20;
const CLIENTS = 4;
/** Changes that are acknowledged before the kill, and duration of the load after it. */
const CHANGES_MAX = 40;
const LOAD_MS_MAX = 50;
const CONNECTIONS = 40;
/** Ends waits for events that never happen. */
const HANG_MS = 120_000;

/**
 * Kills processes of a server under load, again and again. After each kill every acknowledged change must be
 * stored, to the last token, and the vault must be intact. Rejects at the first failed round, and leaves the
 * vault in its folder.
 */
export async function runServerRounds(
  { rounds, seed, workers, flips }: ServerRoundsOptions,
  report: (line: string) => void,
): Promise<Summary> {
  const summary = new Summary();
  const random = new Random(seed);
  for (let done = 0; done < rounds; done += ROUNDS_PER_VAULT) {
    const folder = await mkdtemp(join(tmpdir(), 'stowken-crash-'));
    const vault = new KilledVault(join(folder, 'vault'), workers, seed + done, summary);
    let order: Kind[] = [];
    try {
      for (let number = done + 1; number <= Math.min(rounds, done + ROUNDS_PER_VAULT); number++) {
        // Each kind once in four rounds.
        if (order.length === 0) order = random.shuffled(kinds);
        const kind = order.pop()!;
        const found = await vault.round(kind, random, flips);
        report(`${folder}, round ${number}: killed ${kind}; ${found}`);
      }
      await vault.stop();
    } catch (error) {
      vault.abandon();
      throw new Error(`--seed ${seed}, ${folder}: ${String(error)}`, { cause: error });
    }
    await rm(folder, { recursive: true });
  }
  return summary;
}

/** A vault, the server that owns it, and clients that know its expected content. */
class KilledVault {
  readonly #clients: readonly SoakClient[];
  #server: StowkenProcess | undefined;
  #timesDown = 0;

  constructor(
    private readonly folder: string,
    private readonly workers: number,
    seed: number,
    private readonly summary: Summary,
  ) {
    this.#clients = Array.from({ length: CLIENTS }, (_, index) => new SoakClient(index, seed * CLIENTS));
  }

  async round(kind: Kind, random: Random, flips: boolean): Promise<string> {
    const server = (this.#server ??= await this.#start());
    const before = this.#acknowledged;
    const round = new Round(server);
    const working = Promise.all(this.#clients.map((client) => client.work(round)));
    // A failure is thrown when the round has ended.
    const failed = working.then(nothing, nothing);
    const enough = before + random.below(CHANGES_MAX);
    let isFailed = false;
    void failed.then(() => (isFailed = true));
    await until('changes are acknowledged', () => isFailed || this.#acknowledged >= enough);
    await Promise.race([failed, round.pause(random.below(LOAD_MS_MAX))]);
    const pids = processTree(server.child.pid!);
    if (kind === 'all workers') round.killWorkers();
    if (kind === 'in hand-over') await this.#killInHandOver(round, random);
    if (kind === 'primary') await round.kill();
    if (kind === 'everything') {
      round.killWorkers();
      await round.kill();
    }
    const isDown = kind === 'primary' || kind === 'everything';
    if (isDown) {
      this.#server = undefined;
      await until(`no process of a killed server lives on`, () => !pids.some(isAlive));
    } else {
      // The clients continue with the workers that replace the killed ones.
      await Promise.race([failed, round.pause(random.below(LOAD_MS_MAX))]);
      round.leave();
    }
    await working;
    this.summary.count(`rounds: killed ${kind}`);
    this.summary.count('acknowledged: changes', this.#acknowledged - before);
    if (flips && isDown && this.#timesDown++ % 2 === 0) {
      await readDamaged(this.folder, this.#clients, this.workers, random, this.summary);
      this.summary.count('rounds: with flipped bits');
    }
    return this.#settle();
  }

  /** Ends the server in the regular way. */
  async stop(): Promise<void> {
    const code = await this.#server?.kill('SIGTERM');
    this.#server = undefined;
    if (code !== undefined && code !== 0) throw new Broken(`the server ended with ${code}`);
  }

  abandon(): void {
    this.#server?.child.kill('SIGKILL');
  }

  get #acknowledged(): number {
    return this.#clients.reduce((sum, { journal }) => sum + journal.acknowledged, 0);
  }

  #start(): Promise<StowkenProcess> {
    return startStowken('--data', this.folder, '--workers', String(this.workers), '--log-level', 'silent');
  }

  /** Every connection must be served or closed, whatever happens to its worker. */
  async #killInHandOver(round: Round, random: Random): Promise<void> {
    const at = random.below(CONNECTIONS);
    let settled = 0;
    const sockets = [];
    for (let n = 0; n < CONNECTIONS; n++) {
      const { socket, fate } = openConnection(round.address);
      sockets.push(socket);
      void fate.then((how) => {
        settled += 1;
        this.summary.count(`connections in hand-over: ${how}`);
      });
      if (n % 4 === 0) await sleep(1);
      if (n === at) round.killWorkers();
    }
    await until('every connection is served or closed', () => settled === CONNECTIONS);
    for (const socket of sockets) socket.destroy();
  }

  /** Checks that everything acknowledged is stored, and nothing else. */
  async #settle(): Promise<string> {
    const { address } = (this.#server ??= await this.#start());
    const client = connect({ server: address, retry: { attemptsMax: 100, backoffMs: 50 } });
    try {
      await until('the server answers', () => client.stats().then(yes, no));
      await verified(client);
      for (const each of this.#clients) {
        const outcome = await each.settle(address);
        if (outcome !== undefined) this.summary.count(`unanswered changes: ${outcome}`);
      }
      for (const each of this.#clients) await each.compareAll(address);
      const known = this.#clients.reduce((sum, { journal }) => sum + journal.conversations.size, 0);
      const { conversations } = await client.stats();
      if (conversations !== known) throw new Broken(`${conversations} conversations, ${known} expected`);
      this.summary.count('found: conversations, to the last token', known);
      return `${known} conversations found of ${this.#acknowledged} acknowledged changes, verify clean`;
    } finally {
      client.close();
    }
  }
}

const nothing = () => undefined;
const yes = () => true;
const no = () => false;

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + HANG_MS;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Broken(`not so after ${HANG_MS / 1000} s: ${what}`);
    await sleep(20);
  }
}
