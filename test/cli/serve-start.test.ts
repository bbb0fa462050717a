import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HANG_MS } from '../support/wait.js';
import { checkDataFolder } from '../../src/storage/index.js';

const command = createRequire(import.meta.url).resolve('#build/programs/main.js');
let folder: string;
let taken: Server | undefined;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'stowken-start-'))));
afterEach(() => {
  taken?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a start that must fail: it ends by itself. */
function failingServe(...flags: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [command, 'serve', ...flags], {
    encoding: 'utf8',
    timeout: HANG_MS,
  });
  return { status, stdout, stderr };
}

describe('a start that cannot succeed', () => {
  it.each([[], ['--workers', '2']])(
    'on a taken port leaves nothing behind %s',
    async (...flags: string[]) => {
      const server = (taken = createServer());
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      const data = join(folder, 'new');
      const { status, stderr } = failingServe('--data', data, '--listen', `127.0.0.1:${port}`, ...flags);
      expect(status).toBe(1);
      expect(stderr).toMatch(/^stowken: cannot listen on .*EADDRINUSE/m);
      expect(existsSync(data)).toBe(false);
    },
  );

  it('among foreign files names them, and touches nothing', () => {
    mkdirSync(join(folder, 'photos'));
    writeFileSync(join(folder, 'thesis.tex'), 'x');
    const { status, stderr } = failingServe('--data', folder, '--listen', '127.0.0.1:0');
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /is not empty and holds no vault \(it has photos, thesis\.tex\): .*\/vault \(FOLDER_NOT_EMPTY\)\n$/,
    );
    expect(readdirSync(folder).sort()).toEqual(['photos', 'thesis.tex']);
  });

  it.skipIf(process.platform !== 'linux')(
    'where no folder can be made ends, and says so (Linux: /proc)',
    () => {
      const { status, stderr } = failingServe('--data', '/proc/x/y', '--listen', '127.0.0.1:0');
      expect(status).toBe(1);
      expect(stderr).toBe('stowken: the folder /proc/x cannot be made: /proc takes no folders\n');
    },
  );

  it('below a file says what is in the way', () => {
    writeFileSync(join(folder, 'file'), 'x');
    const { status, stderr } = failingServe('--data', join(folder, 'file/vault'), '--listen', '127.0.0.1:0');
    expect(status).toBe(1);
    expect(stderr).toMatch(/^stowken: .*file/);
    expect(readdirSync(folder)).toEqual(['file']);
  });
});

describe('the folder of a vault', () => {
  it.each([
    ['is not there', undefined],
    ['is empty', []],
    ['is a mounted disk', ['lost+found', '.Trash-0']],
    [
      'has what a killed start left',
      ['owner-0123456789ab', 'VAULT.new', 'vault.mdb-lock', 'tmp', 'restoring'],
    ],
    ['has a vault', ['vault.mdb', 'VAULT', 'notes.txt']],
    ['has a vault of files', ['vault.json', 'segments', 'notes.txt']],
  ])('%s', async (_what, names) => {
    for (const name of names ?? []) writeFileSync(join(folder, name), '');
    await checkDataFolder(names === undefined ? join(folder, 'new/er') : folder);
  });

  it('is a file', async () => {
    writeFileSync(join(folder, 'file'), '');
    await expect(checkDataFolder(join(folder, 'file'))).rejects.toMatchObject({ reason: 'FOLDER_NOT_EMPTY' });
  });
});
