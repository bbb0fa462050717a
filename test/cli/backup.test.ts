import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runCli } from '../../src/cli/index.js';
import { connect } from '../../src/client/index.js';
import { startStowken, type StowkenProcess } from '../support/process.js';
import { startTestServer } from './support/start-server.js';
import { dependencies, jsonLines, stowken, stowkenAt } from './support/stowken.js';

let folder: string;
let server: StowkenProcess;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowken-backup-'));
  server = await startStowken('--data', join(folder, 'vault'));
});
afterAll(async () => {
  await server.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

const run = (args: readonly string[]) => stowkenAt(server.address)(args);
const inFolder = (name: string) => join(folder, name);

/** Conversation `n`: a shared message, one of its own, some long. */
function conversation(n: number) {
  const own = Array.from(
    { length: n % 50 === 0 ? 5_000 : 1 + (n % 40) },
    (_, at) => (at * 7919 + n) % 200_000,
  );
  return {
    id: `c/${n}`,
    application: 'backup',
    messages: [
      { role: 'system', tokens: [1, 2, 3, 4, 5] },
      { role: 'user', tokens: own },
    ],
  };
}

async function exported(address: string): Promise<Record<string, unknown>[]> {
  const { code, stdout } = await stowkenAt(address)(['export', '--tokens']);
  expect(code).toBe(0);
  return jsonLines(stdout);
}

describe('backup and restore', () => {
  it('keep every conversation that was stored before, and whole ones of those stored meanwhile', async () => {
    const before = 300;
    const client = connect({ server: server.address });
    const store = async (n: number) => {
      const { messages, ...rest } = conversation(n);
      await client.store({ conversation: rest, messages });
    };
    await Promise.all(Array.from({ length: before }, (_, n) => store(n)));

    let over = false;
    let last = before;
    const storing = Promise.all(
      Array.from({ length: 8 }, async () => {
        while (!over) await store(last++);
      }),
    );
    const file = inFolder('concurrent.backup');
    const { code, stdout, stderr } = await run(['backup', file, '--json']);
    over = true;
    await storing;
    client.close();
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const bytes = (await readFile(file)).length;
    expect(jsonLines(stdout)).toEqual([{ file, bytes }]);
    expect(await readdir(folder)).not.toContain('concurrent.backup.partial');
    expect((await readdir(inFolder('vault'))).filter((name) => name.startsWith('backup'))).toEqual([]);

    const data = inFolder('restored');
    const restored = await stowken(['restore', file, '--data', data, '--json']);
    expect(restored).toMatchObject({ code: 0, stderr: '' });
    const [figures] = jsonLines(restored.stdout);
    expect(figures).toMatchObject({ data, vault_id: expect.stringMatching(/^[0-9a-f]{32}$/) as string });

    const all = await exported(server.address);
    expect(all).toHaveLength(last);
    const second = await startStowken('--data', data);
    try {
      const kept = await exported(second.address);
      expect(figures!['conversations']).toBe(kept.length);
      expect(kept.length).toBeGreaterThanOrEqual(before);
      // In creation order: the backup has the oldest conversations, each in its full state then.
      expect(kept).toEqual(all.slice(0, kept.length));
      const first = new Set(kept.map(({ id }) => id));
      for (let n = 0; n < before; n++) expect(first).toContain(`c/${n}`);
      expect(kept.find(({ id }) => id === 'c/7')).toMatchObject(conversation(7));
      expect(await stowkenAt(second.address)(['verify'])).toMatchObject({ code: 0 });
      await stowkenAt(second.address)(['import', '-'], JSON.stringify(conversation(1_000_000)));
    } finally {
      expect(await second.kill('SIGTERM')).toBe(0);
    }
  });

  it('says what it wrote and what a vault holds', async () => {
    const file = inFolder('plain.backup');
    expect(await run(['backup', file])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^backed up \d.* to .*plain\.backup\n$/) as string,
    });
    expect(await stowken(['restore', file, '--data', inFolder('plain')])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(
        /^restored [\d,]+ conversations, [\d,]+ messages, [\d,]+ segments to .*plain, .*: all whole\n$/,
      ) as string,
    });
  });

  it('go through standard output and input', async () => {
    const chunks: Buffer[] = [];
    const stdout = new PassThrough().on('data', (chunk: Buffer) => chunks.push(chunk));
    const stderr = new PassThrough();
    const env = { STOWKEN_SERVER: server.address };
    expect(
      await runCli({ ...dependencies, io: { stdin: Readable.from([]), stdout, stderr, env } }, [
        'backup',
        '-',
      ]),
    ).toBe(0);
    expect(String(stderr.read())).toMatch(/^backed up .* to standard output\n$/);
    const bytes = Buffer.concat(chunks);
    expect(createHash('sha256').update(bytes.subarray(0, -32)).digest()).toEqual(bytes.subarray(-32));
    const args = ['restore', '-', '--data', inFolder('piped'), '--json'];
    expect(await stowken(args, { stdin: bytes })).toMatchObject({ code: 0 });
  });

  it('shows a bar on a terminal', async () => {
    const stderr = Object.assign(new PassThrough(), { isTTY: true, columns: 80, cursorTo: () => true });
    const written: Buffer[] = [];
    stderr.on('data', (chunk: Buffer) => written.push(chunk));
    const io = { stdin: Readable.from([]), stdout: new PassThrough().resume(), stderr, env: {} };
    const file = inFolder('bar.backup');
    expect(await runCli({ ...dependencies, io }, ['backup', file, '--server', server.address])).toBe(0);
    expect(Buffer.concat(written).toString()).toMatch(/ of about \d/);
  });
});

describe('a backup', () => {
  const content = 'mine';
  let file: string;
  beforeEach(() => (file = inFolder('mine')));
  afterEach(() => rm(file, { recursive: true, force: true }));

  it('replaces no file unless told to, and no folder', async () => {
    await writeFile(file, content);
    const { code, stderr } = await run(['backup', file]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/mine is there already; --force replaces it\n$/);
    expect(await readFile(file, 'utf8')).toBe(content);
    expect(await run(['backup', '--force', file])).toMatchObject({ code: 0 });
    expect(await readFile(file, 'latin1')).toMatch(/^stowken backup 1\n/);
    await rm(file);
    await mkdir(file);
    expect(await run(['backup', '--force', file])).toMatchObject({ code: 2 });
  });

  it('leaves no file behind when it cannot be made, and the old one where it was', async () => {
    await writeFile(file, content);
    const memory = await startTestServer();
    const { code, stdout, stderr } = await stowkenAt(memory.address)(['backup', '--force', file]);
    await memory.stop();
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/memory storage has no backup.*lmdb.*\(UNSUPPORTED_BY_STORAGE\)\n$/);
    expect(await readFile(file, 'utf8')).toBe(content);
    expect(existsSync(`${file}.partial`)).toBe(false);
    expect(await stowken(['backup', '--server', '127.0.0.1:1', inFolder('none')])).toMatchObject({ code: 1 });
    expect(existsSync(inFolder('none.partial'))).toBe(false);
  });
});

describe('restore', () => {
  let bytes: Buffer;
  beforeAll(async () => {
    await run(['backup', inFolder('whole.backup')]);
    bytes = await readFile(inFolder('whole.backup'));
  });

  async function refused(spoilt: Buffer): Promise<string> {
    const data = inFolder('refused');
    const { code, stdout, stderr } = await stowken(['restore', '-', '--data', data], { stdin: spoilt });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(existsSync(data)).toBe(false);
    return stderr;
  }

  it.each([0, 0.001, 0.1, 0.5, 0.9, 0.9999])('refuses the first %d of a backup', async (share) => {
    const stderr = await refused(bytes.subarray(0, Math.floor(share * bytes.length)));
    expect(stderr).toMatch(/^stowken: the backup (is cut off|does not begin as one) \(CORRUPT_STORE\)\n$/);
  });

  it('refuses a backup that lacks its last byte, or has one more', async () => {
    expect(await refused(bytes.subarray(0, -1))).toMatch(/is cut off/);
    expect(await refused(Buffer.concat([bytes, Buffer.of(0)]))).toMatch(/is longer than it says/);
  });

  it.each([0, 20, 60, 90, 5_000, 0.3, 0.7, -40, -1])(
    'refuses a backup with a flipped bit at %d',
    async (at) => {
      const copy = Buffer.from(bytes);
      const index = at < 0 ? copy.length + at : at < 1 ? Math.floor(at * copy.length) : at;
      copy[index]! ^= 1 << (index % 8);
      expect(await refused(copy)).toMatch(/\((CORRUPT_STORE|STORE_VERSION)\)\n$/);
    },
  );

  it('makes a new vault only', async () => {
    const data = inFolder('full');
    await mkdir(data);
    await writeFile(join(data, 'mine'), 'x');
    const { code, stderr } = await stowken(['restore', inFolder('whole.backup'), '--data', data]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/full is not empty/);
    expect(await readdir(data)).toEqual(['mine']);
  });

  it('needs a backup and a folder', async () => {
    expect(await stowken(['restore', 'x'])).toMatchObject({ code: 2 });
    const { code, stderr } = await stowken(['restore', inFolder('nope'), '--data', inFolder('new')]);
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('nope') as string });
    expect(existsSync(inFolder('new'))).toBe(false);
  });
});
