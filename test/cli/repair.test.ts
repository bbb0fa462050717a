import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Environment, type Tables } from '../../src/storage/lmdb/tables/environment.js';
import { startStowken } from '../support/process.js';
import { jsonLines, stowken, stowkenAt, type CliResult } from './support/stowken.js';

/** Folder of a whole vault, which nothing changes, and of each test's copy of it. */
let whole: string;
let data: string;
const newFolder = () => mkdtemp(join(tmpdir(), 'stowken-repair-'));
beforeAll(async () => {
  whole = await newFolder();
  const filled = await served((run) => run(['import', '--concurrency', '1', '-'], lines()), whole);
  expect(filled).toMatchObject({ code: 0 });
});
beforeEach(async () => {
  data = await newFolder();
  await cp(whole, data, { recursive: true });
});
afterEach(() => rm(data, { recursive: true, force: true }));
afterAll(() => rm(whole, { recursive: true, force: true }));

type Run = (args: readonly string[], stdin?: string) => Promise<CliResult>;

/** Runs `use` with a server on the vault. */
async function served<T>(use: (run: Run) => Promise<T>, folder = data): Promise<T> {
  const server = await startStowken('--data', folder);
  try {
    return await use(stowkenAt(server.address));
  } finally {
    expect(await server.kill('SIGTERM')).toBe(0);
  }
}

async function spoil(change: (tables: Tables) => void): Promise<void> {
  const environment = await Environment.open(data, { sync: false });
  await environment.write(() => change(environment.tables));
  await environment.close();
}

function lines(): string {
  const conversations = Array.from({ length: 30 }, (_, n) => ({
    id: `c/${n}`,
    messages: [
      { role: 'system', tokens: [1, 2, 3] },
      {
        role: 'user',
        tokens: Array.from({ length: n === 3 ? 6_000 : 20 }, (_, at) => (at * 31 + n) % 90_000),
      },
    ],
  }));
  return conversations.map((each) => JSON.stringify(each)).join('\n');
}

describe('verify --repair', () => {
  it('rebuilds counts, garbage and indexes, says so, and the vault is what it was', async () => {
    const before = await served(async (run) => {
      await run(['delete', 'c/5']);
      return { list: await run(['export', '--tokens']), stats: await run(['stats', '--json']) };
    });
    await spoil((tables) => {
      for (const table of [tables.refCounts, tables.garbage, tables.recentHashes]) table.clear();
    });
    await served(async (run) => {
      const looked = await run(['verify', '--json']);
      expect(looked.code).toBe(1);
      const [found] = jsonLines(looked.stdout);
      expect(found!['repaired']).toEqual([]);
      const refused = await run(['gc']);
      expect(refused).toMatchObject({ code: 1, stdout: '' });
      expect(refused.stderr).toMatch(
        /^stowken: nothing was deleted: the vault is not whole .*\(CORRUPT_STORE\)\n$/,
      );

      const { code, stdout, stderr } = await run(['verify', '--repair', '--json']);
      expect({ code, stderr }).toEqual({
        code: 0,
        stderr: 'repairing; other calls wait until that is done\n',
      });
      expect(jsonLines(stdout)).toEqual([{ ...found, repaired: found!['violations'], violations: [] }]);

      expect(await run(['verify'])).toMatchObject({ code: 0 });
      expect(await run(['export', '--tokens'])).toEqual(before.list);
      const figures = (text: string) => ({ ...jsonLines(text)[0], in_use_bytes: 0, file_bytes: 0 });
      expect(figures((await run(['stats', '--json'])).stdout)).toEqual(figures(before.stats.stdout));
      expect((await run(['gc', '--json'])).stdout).toContain('"segments":1,');
      expect(await run(['verify', '--repair'])).toEqual({
        code: 0,
        stdout: 'looked at 61 records: all whole\n',
        stderr: '',
      });
    });
  });

  it('names what it repaired and what is lost, and fails', async () => {
    await spoil((tables) => {
      tables.frameOverflowPages.remove([...tables.frameOverflowPages.keys()][0]!);
      tables.conversations.put(10, Buffer.from('ff', 'hex'));
      for (const key of [...tables.ids.keys()]) tables.ids.remove(key);
    });
    await served(async (run) => {
      const { code, stdout, stderr } = await run(['verify', '--repair']);
      expect(code).toBe(1);
      const lines = stdout.trimEnd().split('\n');
      expect(lines).toContain('repaired: id-index: conversation c/7: its id does not lead to it');
      const lost = lines.filter((line) => /^(frame|manifest)/.test(line));
      expect(lost).toEqual([
        expect.stringMatching(/^frame: segment \d+: /),
        expect.stringMatching(/^manifest: conversation number 10: /),
      ]);
      expect(lines.at(-1)).toMatch(/^looked at \d+ records: \d+ violations repaired, now 2 violations$/);
      expect(stderr).toMatch(/\nstowken: the vault is not whole: 2 violations\n$/);
      expect(await run(['get', 'c/7', '--json'])).toMatchObject({ code: 0 });
      expect((await run(['get', 'c/3', '--json', '--tokens'])).stderr).toMatch(/CORRUPT_/);
    });
  });

  it('can do nothing for a lost frame, but a backup of that vault can be restored as it was', async () => {
    const [backup, copy] = [join(data, 'b'), join(data, 'copy')];
    await spoil((tables) => tables.frameOverflowPages.remove([...tables.frameOverflowPages.keys()][0]!));
    await served((run) => run(['backup', backup]));
    const restore = ['restore', backup, '--data', copy];
    expect(await stowken(restore)).toEqual({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(
        /^stowken: the backup is of a vault that was not whole: segment \d+: /,
      ) as string,
    });
    const restored = await stowken([...restore, '--allow-damage']);
    expect(restored).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^frame: segment \d+: .*\n$/) as string,
    });
    expect(restored.stdout).toMatch(/^restored 30 conversations, .*: 1 violation\n$/);
    await served(async (run) => {
      expect((await run(['get', 'c/7', '--json'])).code).toBe(0);
    }, copy);
  });

  it('never gives a damaged frame another name', async () => {
    await spoil((tables) => {
      const [pack] = [...tables.packs.range()];
      const bytes = Buffer.from(pack!.value);
      bytes[bytes.length - 1]! ^= 1;
      tables.packs.put(pack!.key, bytes);
    });
    await served(async (run) => {
      for (let round = 0; round < 2; round++) {
        const { code, stdout } = await run(['verify', '--repair', '--json']);
        expect(code).toBe(1);
        expect(jsonLines(stdout)).toMatchObject([{ repaired: [], violations: [{ invariant: 'frame' }] }]);
      }
    });
  });

  it('leaves a damaged conversation named, in list and export too, until it is deleted', async () => {
    await spoil((tables) => tables.conversations.put(5, Buffer.of(0xff)));
    await served(async (run) => {
      const named = { code: 1, stderr: expect.stringMatching(/^c\/4: .*\(CORRUPT_STORE\)\n$/) as string };
      for (const command of [
        ['list', '--all', '--json'],
        ['export', '--tokens'],
      ]) {
        const listed = await run(command);
        expect(listed).toMatchObject(named);
        expect(jsonLines(listed.stdout)).toHaveLength(29);
      }
      for (const command of [
        ['delete', '--application', 'no', '--dry-run'],
        ['delete', '--application', 'no'],
      ]) {
        expect(await run(command)).toMatchObject(named);
      }
      expect(await run(['verify', '--repair'])).toMatchObject({
        code: 1,
        stdout: expect.stringContaining('conversation c/4') as string,
      });
      expect(await run(['delete', 'c/4'])).toMatchObject({ code: 0 });
      const again = await run(['delete', 'c/4', '--allow-missing']);
      expect(again).toEqual({ code: 0, stdout: 'c/4: not there\n', stderr: '' });
      expect(await run(['verify'])).toMatchObject({ code: 0 });
      expect(await run(['list', '--all'])).toMatchObject({ code: 0, stderr: '' });
    });
  });
});
