import { execFile, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { startTestServer } from '../cli/support/start-server.js';

const example = resolve(import.meta.dirname, '../../examples/python');
const folder = mkdtempSync(join(tmpdir(), 'stowken-python-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Finds a Python with gRPC that can generate stubs, or the reason why there is none. */
function findPython(): { python: string } | { missing: string } {
  const pythons = [process.env['PYTHON'], '/usr/bin/python3', 'python3'].filter((name) => name !== undefined);
  const python = pythons.find((name) => spawnSync(name, ['-c', 'import grpc, google.protobuf']).status === 0);
  if (python === undefined) return { missing: 'no python3 has grpc (Debian: python3-grpcio)' };
  const env = { ...process.env, PYTHON: python };
  const generate = spawnSync(join(example, 'generate.sh'), [join(folder, 'stubs')], {
    env,
    encoding: 'utf8',
  });
  if (generate.status === 0) return { python };
  return {
    missing: `stubs cannot be made (Debian: protobuf-compiler-grpc, libprotobuf-dev): ${generate.stderr.split('\n')[0]}`,
  };
}

const found = findPython();
const why = 'missing' in found ? ` (skipped: ${found.missing})` : '';

describe.skipIf('missing' in found)(`the Python example${why}`, () => {
  it('stores tokens and streams them back, against a real server', async () => {
    const { python } = found as { python: string };
    cpSync(join(example, 'client.py'), join(folder, 'client.py'));
    const server = await startTestServer();
    try {
      const { stdout } = await promisify(execFile)(python, [join(folder, 'client.py'), server.address]);
      expect(stdout).toBe('stored 200006 tokens, 90 new segments\nstreamed back: every token equal\n');
    } finally {
      await server.stop();
    }
  });

  it('and one that uploads, appends, forks and reads ranges', async () => {
    const { python } = found as { python: string };
    const script = join(folder, 'histories.py');
    cpSync(resolve(import.meta.dirname, 'python/histories.py'), script);
    const server = await startTestServer();
    try {
      const { stdout } = await promisify(execFile)(python, [script, server.address]);
      expect(stdout).toBe('uploaded 100005\nappended 2\nforked 4\nranges 100005\ndeleted 2 missing 1\n');
    } finally {
      await server.stop();
    }
  });
});
