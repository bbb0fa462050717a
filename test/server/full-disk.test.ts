import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, type TestContext } from 'vitest';
import { connect, type StowkenClient } from '../../src/client/index.js';
import { startStowken, type StowkenProcess } from '../support/process.js';

const run = promisify(execFile);
const MIB = 2 ** 20;

/** Runs a test on a file system of its own, of 48 MiB. */
async function onSmallDisk(context: TestContext, test: (disk: string) => Promise<void>): Promise<void> {
  const disk = mkdtempSync(join(tmpdir(), 'stowken-small-disk-'));
  try {
    await run('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', disk]);
  } catch (error) {
    rmSync(disk, { recursive: true });
    const { message } = error as Error;
    if (!/spawn mount ENOENT|not permitted|permission denied|superuser/i.test(message)) throw error;
    return context.skip(`needs to mount a small file system: ${message}`);
  }
  try {
    await test(disk);
  } finally {
    await run('umount', [disk]);
    rmSync(disk, { recursive: true });
  }
}

/** Writes a file that leaves so many bytes free. */
async function leaveFree(disk: string, bytes: number, name = 'filler'): Promise<string> {
  const file = join(disk, name);
  const { bavail, bsize } = await statfs(disk);
  await writeFile(file, Buffer.alloc(Math.max(0, bavail * bsize - bytes)));
  return file;
}

/** Tokens that no other conversation has, so that each takes as much of the disk. */
const tokens = (seed: number, count: number) =>
  Uint32Array.from({ length: count }, (_, i) => Math.imul(seed * 60_013 + i, 2654435761) >>> 14);

const store = (client: StowkenClient, n: number, count = 2000) =>
  client.store({
    conversation: { id: `c${n}` },
    messages: [{ role: 'user', tokens: tokens(n, count) }],
  });

async function drain(parts: AsyncIterable<unknown>): Promise<unknown> {
  let last: unknown;
  for await (const part of parts) last = part;
  return last;
}

async function withServer(
  flags: readonly string[],
  test: (client: StowkenClient, server: StowkenProcess) => Promise<void>,
): Promise<void> {
  const server = await startStowken('--log-level', 'silent', ...flags);
  const client = connect({ server: server.address, retry: { attemptsMax: 1, backoffMs: 1 } });
  try {
    await test(client, server);
    expect(await drain(client.verify())).toMatchObject({ kind: 'summary', violations: 0 });
    expect(await server.kill('SIGTERM')).toBe(0);
  } finally {
    client.close();
    await server.kill('SIGKILL');
  }
}

const ways: [string, readonly string[]][] = [
  ['one process', []],
  ['workers', ['--workers', '2']],
  ['files', ['--storage', 'filesystem']],
];

it.for(ways)('a server with %s stops storing at its floor, and goes on by itself', ([, flags], context) =>
  onSmallDisk(context, async (disk) => {
    const args = ['--data', join(disk, 'data'), '--min-free-disk', '16MiB', ...flags];
    await withServer(args, async (client) => {
      for (let n = 0; n < 10; n++) await store(client, n);
      const capabilities = await client.capabilities();
      expect(capabilities.limits['disk_free_bytes_min']).toBe(16 * MIB);
      const filler = await leaveFree(disk, 12 * MIB);
      await expect
        .poll(() => store(client, 10).catch(({ reason }: { reason: string }) => reason))
        .toBe('DISK_FULL');
      await expect(store(client, 11)).rejects.toMatchObject({
        reason: 'DISK_FULL',
        message: expect.stringMatching(/the disk has \d+ bytes free.* below 16777216 /) as string,
        metadata: { limit: String(16 * MIB) },
      });
      await expect(client.admin.createVault('more')).rejects.toMatchObject({ reason: 'DISK_FULL' });
      // Reading works, and everything that frees space.
      await client.delete('c0');
      expect(await drain(client.collectGarbage())).toMatchObject({ kind: 'summary' });
      expect(await drain(client.compactSubstrings())).toMatchObject({ kind: 'summary' });
      expect(await client.get('c1')).toMatchObject({ conversation: { id: 'c1' } });
      await rm(filler);
      await expect
        .poll(() =>
          store(client, 12).then(
            () => 'stored',
            () => 'refused',
          ),
        )
        .toBe('stored');
      await client.admin.createVault('more');
    });
  }),
);

it.for(ways)('a server with %s says that a disk is full, and loses nothing', ([way, flags], context) =>
  onSmallDisk(context, async (disk) => {
    await withServer(['--data', join(disk, 'data'), '--min-free-disk', '0', ...flags], async (client) => {
      const filler = await leaveFree(disk, 3 * MIB);
      let stored = 0;
      const failure: unknown = await (async () => {
        for (; stored < 1000; stored++) await store(client, stored, 60_000);
      })().catch((error: unknown) => error);
      expect(stored).toBeGreaterThan(3);
      // Files are put in place after their commit: where that fails, the next store is refused.
      const reasons = way === 'files' ? /COMMIT_FAILED|WRITES_STOPPED/ : /COMMIT_FAILED/;
      expect(failure).toMatchObject({
        reason: expect.stringMatching(reasons) as string,
        message: expect.stringMatching(/no space left on (the )?dis?k|no space left on device/) as string,
      });
      expect((failure as Error).message).not.toMatch(/input.output/i);
      // A store that failed gives back what it had written.
      const rest = await leaveFree(disk, 0, 'rest');
      await expect(client.admin.createVault('more')).rejects.toMatchObject({
        reason: 'COMMIT_FAILED',
        message: expect.stringMatching(/no space left/) as string,
      });
      for (let n = 0; n < stored; n++) {
        for await (const part of client.read(`c${n}`, { encoding: 'tokens' }))
          if (part.kind === 'message') expect(part.content).toEqual(tokens(n, 60_000));
      }
      await Promise.all([filler, rest].map((file) => rm(file)));
      await expect
        .poll(
          () =>
            store(client, 5000).then(
              () => 'stored',
              () => 'refused',
            ),
          { timeout: 30_000 },
        )
        .toBe('stored');
      expect((await client.stats()).conversations).toBe(stored + 1);
    });
  }),
);
