import { execFile } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startStowken, type StowkenProcess } from '../support/process.js';

const main = createRequire(import.meta.url).resolve('#build/programs/main.js');
let folder: string;
let server: StowkenProcess;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'stowken-cannot-write-'));
  server = await startStowken('--data', join(folder, 'vault'));
});

afterEach(async () => {
  await server.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

it('an import into a server that cannot write stops, and says that the server is there', async () => {
  const lines = Array.from({ length: 200 }, (_, n) =>
    JSON.stringify({ id: `c${n}`, messages: [{ role: 'user', tokens: [n] }] }),
  );
  writeFileSync(join(folder, 'in.jsonl'), lines.join('\n'));
  renameSync(join(folder, 'vault', 'vault.mdb'), join(folder, 'gone.mdb'));
  const args = [main, 'import', join(folder, 'in.jsonl'), '--server', server.address];
  const failed = (await promisify(execFile)(process.execPath, args).catch((error: unknown) => error)) as {
    readonly code: number;
    readonly stderr: string;
  };
  expect(failed.code).toBe(1);
  expect(failed.stderr).toContain('the data file');
  expect(failed.stderr).toMatch(
    /^stopped: the server cannot write any more .*; what follows was not tried$/m,
  );
});
