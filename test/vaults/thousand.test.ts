import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { memoryOf, processTree } from '../../bench/lib/process-tree.js';
import { connect, type StowkenClient } from '../../src/client/index.js';
import { childrenOf } from '../support/children.js';
import { startStowken, type StowkenProcess } from '../support/process.js';
import { sampleOr } from '../support/sample.js';
import { eventually } from '../support/wait.js';

/** Vaults of the test, several times as many as may be open: 1,000 with STOWKEN_MANY_VAULTS=1000. */
const vaultsCount = Number(process.env['STOWKEN_MANY_VAULTS'] ?? sampleOr(30, 60));
/** Vaults that may be open: a few, so that a sample goes through all of them again and again. */
const openMax = vaultsCount >= 1000 ? 64 : 6;
/** Descriptors of an open vault, and of a server without any but the default one. */
const descriptorsPerVault = 6;
const descriptorsOfServer = 90;
const lanes = 4;

let folder: string;
let server: StowkenProcess;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'stowken-thousand-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const nameOf = (n: number) => `v${n}`;
const tokensOf = (n: number) => Array.from({ length: 200 }, (_, i) => (n * 131 + i * 7) % 50_000);

/** Runs some lanes of calls, each vault in its turn. */
async function inEach(work: (vault: StowkenClient, n: number) => Promise<unknown>): Promise<void> {
  const numbers = Array.from({ length: vaultsCount }, (_, n) => n).values();
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      for (const n of numbers) {
        const vault = connect({ server: server.address, vault: nameOf(n) });
        await work(vault, n).finally(() => vault.close());
      }
    }),
  );
}

/** Returns the data files that a process has mapped, one for each open vault. */
function openEnvironments(pid: number): Set<string> {
  const lines = readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n');
  return new Set(
    lines.filter((line) => line.endsWith('vault.mdb')).map((line) => line.slice(line.indexOf('/'))),
  );
}

describe.each([
  ['one process', 1],
  ['two workers', 2],
])('a server of many vaults, of %s', (_name, workers) => {
  it('has a bounded number of them open, with bounded descriptors, and reports none as broken', async () => {
    const flags = ['--data', folder, '--open-vaults', String(openMax), '--workers', String(workers)];
    server = await startStowken(...flags);
    const main = connect({ server: server.address });
    // The process that keeps the vaults has those open that each worker has, and the default one.
    const perWorker = workers === 1 ? openMax : Math.max(4, Math.floor(openMax / workers));
    const environmentsMax = workers === 1 ? openMax : Math.max(openMax, perWorker * workers) + 1;
    const expectBounded = () => {
      for (const pid of [server.child.pid!, ...childrenOf(server.child.pid!)]) {
        const isMain = pid === server.child.pid;
        const max = isMain ? environmentsMax : perWorker;
        expect(openEnvironments(pid).size).toBeLessThanOrEqual(max);
        const descriptors = readdirSync(`/proc/${pid}/fd`).length;
        expect(descriptors).toBeLessThanOrEqual(descriptorsOfServer + max * descriptorsPerVault);
      }
    };
    await inEach(async (vault, n) => {
      await main.admin.createVault(nameOf(n));
      await vault.store({ conversation: { id: 'c' }, messages: [{ role: 'user', tokens: tokensOf(n) }] });
      expectBounded();
    });
    for (let round = 0; round < 2; round++)
      await inEach(async (vault, n) => {
        for await (const part of vault.read('c', { encoding: 'tokens' }))
          if (part.kind === 'message') expect([...part.content]).toEqual(tokensOf(n));
        expectBounded();
      });
    for (const n of [0, vaultsCount - 1]) {
      const vault = connect({ server: server.address, vault: nameOf(n) });
      for await (const part of vault.verify()) if (part.kind === 'summary') expect(part.violations).toBe(0);
      vault.close();
    }
    // The bound of docs/operations.md, "Sizing".
    if (vaultsCount >= 1000) {
      const { residentBytes } = memoryOf(processTree(server.child.pid!));
      expect(residentBytes).toBeLessThan((workers === 1 ? 512 : 1024) * 2 ** 20);
    }
    main.close();
    expect(await server.kill('SIGTERM')).toBe(0);
    await eventually(() => expect(existsSync(`/proc/${server.child.pid}`)).toBe(false));
  });
});
