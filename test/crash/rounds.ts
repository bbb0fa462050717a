import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLiveCodec, type LiveCodec } from '../../src/codec/index.js';
import { loadCore, type TokenCore } from '../../src/core/index.js';
import type { ManagedBackend } from '../../src/storage/index.js';
import { openDurable, type DurableKind } from './backends.js';
import { contentOf } from './content.js';
import { readJournal } from './journal.js';
import { Random } from './random.js';

export interface CrashOptions {
  readonly kind: DurableKind;
  readonly rounds: number;
  readonly seed: number;
  readonly report: (line: string) => void;
}

/** Rounds that go on with the same vault before the next begins with an empty one. */
const ROUNDS_PER_VAULT = 20;

/** Contents, by the number that decides each; undefined: the conversation is not there. */
type Vault = Map<string, number | undefined>;

/**
 * Kills a worker at a random moment, again and again, and looks each time whether the vault has every
 * change that was acknowledged, no half of one, and no violation. Rejects at the first that is wrong,
 * and leaves the vault in its folder. Resolves to the number of changes that were acknowledged.
 */
export async function runRounds({ kind, rounds, seed, report }: CrashOptions): Promise<number> {
  const core = await loadCore();
  const codec = createLiveCodec(core);
  const random = new Random(seed);
  let acknowledged = 0;
  for (let round = 0; round < rounds;) {
    const folder = await mkdtemp(join(tmpdir(), `stowken-crash-${kind}-`));
    let vault: Vault = new Map();
    for (const end = Math.min(rounds, round + ROUNDS_PER_VAULT); round < end; round++) {
      const journal = join(folder, `journal-${round}`);
      const delayMs = random.below(4) === 0 ? random.below(30) : random.below(300);
      await killedAfter(delayMs, [kind, join(folder, 'vault'), journal, String(random.below(2 ** 31))]);
      const checked = await check({ kind, folder, journal, before: vault, core, codec });
      vault = checked.vault;
      acknowledged += checked.acknowledged;
      report(`round ${round + 1}: killed after ${delayMs} ms, ${checked.acknowledged} changes acknowledged`);
    }
    await rm(folder, { recursive: true });
  }
  return acknowledged;
}

/** Runs a worker until this long after it has opened the vault. */
function killedAfter(delayMs: number, args: readonly string[]): Promise<void> {
  const worker = spawn(process.execPath, [join(import.meta.dirname, 'worker.js'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  worker.stdout.once('data', () => setTimeout(() => worker.kill('SIGKILL'), delayMs));
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('exit', (code, signal) => {
      if (signal === 'SIGKILL') resolve();
      else reject(new Error(`the worker ended by itself, with code ${code}`));
    });
  });
}

async function check(round: {
  kind: DurableKind;
  folder: string;
  journal: string;
  before: Vault;
  core: TokenCore;
  codec: LiveCodec;
}): Promise<{ vault: Vault; acknowledged: number }> {
  const { kind, folder, journal, before, core, codec } = round;
  const possible = new Map([...before].map(([id, content]) => [id, [content]]));
  const lines = readJournal(journal);
  for (const { phase, id, content } of lines) {
    if (phase === 'done') possible.set(id, [content]);
    else possible.set(id, [...(possible.get(id) ?? [undefined]), content]);
  }
  const backend = await openDurable(kind, join(folder, 'vault'), codec);
  try {
    const violations = await backend.check();
    if (violations.length > 0) throw new Error(`in ${folder}: ${JSON.stringify(violations.slice(0, 5))}`);
    const vault: Vault = new Map();
    for (const [id, contents] of possible) {
      const hashes = await hashesOf(backend, id);
      const found = contents.filter((content) => {
        const expected = content === undefined ? undefined : contentOf(content, core, codec);
        return JSON.stringify(expected?.map(({ hash }) => hash)) === JSON.stringify(hashes);
      });
      if (found.length === 0) {
        throw new Error(
          `in ${folder}: ${id} has none of the contents ${JSON.stringify(contents)}: ${String(hashes)}`,
        );
      }
      vault.set(id, found[0]);
    }
    const { conversations } = await backend.stats();
    const expected = [...vault.values()].filter((content) => content !== undefined).length;
    if (conversations !== expected) {
      throw new Error(`in ${folder}: ${conversations} conversations, ${expected} expected`);
    }
    return { vault, acknowledged: lines.filter(({ phase }) => phase === 'done').length };
  } finally {
    await backend.close();
  }
}

async function hashesOf(backend: ManagedBackend, id: string): Promise<string[] | undefined> {
  const snapshot = await backend.openConversation(id);
  if (!snapshot) return undefined;
  const keys = [...snapshot.messages()].flatMap(({ segments }) => segments.map(({ key }) => key));
  snapshot.release();
  return backend.readHashes(keys);
}
