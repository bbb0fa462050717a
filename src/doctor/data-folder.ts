import { constants } from 'node:fs';
import { access, mkdtemp, open, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { checkDataFolder } from '../storage/index.js';
import { type Examined, type Finding, ok, problem, sizeText, warning } from './finding.js';

/** File systems by the number that statfs gives: on these a vault is not safe, or not kept. */
const fileSystems: Readonly<Record<number, { readonly name: string; readonly fault: string }>> = {
  0x6969: { name: 'NFS', fault: 'network' },
  0xff534d42: { name: 'CIFS', fault: 'network' },
  0xfe534d42: { name: 'SMB', fault: 'network' },
  0x01021997: { name: '9P', fault: 'network' },
  0x01021994: { name: 'tmpfs', fault: 'memory' },
  0x858458f6: { name: 'ramfs', fault: 'memory' },
  0x794c7630: { name: 'overlayfs', fault: 'container' },
};
const faults: Readonly<Record<string, (folder: string, name: string) => Finding>> = {
  network: (folder, name) =>
    problem(
      'file system',
      `${folder} is on ${name}: its locks and mapped files do not keep a database whole`,
      'use a disk of this machine, or a block device over the network (iSCSI, a cloud disk)',
    ),
  memory: (folder, name) =>
    warning('file system', `${folder} is on ${name}: it is gone after a restart`, 'use a disk'),
  container: (folder, name) =>
    warning(
      'file system',
      `${folder} is on ${name}, the layer of a container: it is gone with the container`,
      'mount a volume there',
    ),
};
const freeWantedBytes = 2 ** 30;
const freeWantedPercent = 10;
const freeNodesWanted = 1000;
const syncs = 5;
/** Duration of one sync above which changes, which wait for it, seem slow to a person. */
const syncSlowMs = 50;

/**
 * Checks the data folder and the file system under it, or the database. `tryStorage` makes a vault in an
 * empty folder, or connects to the database.
 */
export async function examineDataFolder(
  { dataDir, storage }: Pick<Examined, 'dataDir' | 'storage'>,
  tryStorage: (folder: string) => Promise<void>,
): Promise<Finding[]> {
  if (storage === 'memory')
    return [warning('data folder', 'vaults are kept in memory, and end with the server', '--storage lmdb')];
  if (storage === 'postgres') return [await databaseFinding(tryStorage)];
  const folder = resolve(dataDir);
  const nearest = await existing(folder);
  const findings = [...(await folderFindings(folder, nearest)), ...(await spaceFindings(nearest))];
  if (findings.some(({ state }) => state === 'problem')) return findings;
  return [...findings, await diskFinding(nearest, tryStorage)];
}

/** Connects to the database, and looks for what keeps vaults out of it. */
async function databaseFinding(tryStorage: (folder: string) => Promise<void>): Promise<Finding> {
  try {
    await tryStorage('');
    return ok('database', 'it can be reached, and has the tables of this version');
  } catch (error) {
    const { message } = error as Error;
    return problem('database', message, 'mend --storage, the rights of its user, or run stowken migrate');
  }
}

/** Returns the folder, or the nearest one above it that exists. */
async function existing(folder: string): Promise<string> {
  for (let path = folder; ; path = dirname(path))
    if (path === dirname(path) || (await stat(path).catch(() => undefined))) return path;
}

async function folderFindings(folder: string, nearest: string): Promise<Finding[]> {
  const check = 'data folder';
  try {
    await checkDataFolder(folder);
  } catch (error) {
    return [problem(check, (error as Error).message, 'name the right folder with --data')];
  }
  const mayWrite = await access(nearest, constants.R_OK | constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
  if (!mayWrite) {
    const who = `user ${process.getuid?.()}`;
    return [problem(check, `${who} cannot write in ${nearest}`, `chown -R ${process.getuid?.()} ${nearest}`)];
  }
  if (nearest !== folder) return [ok(check, `${folder} is made at the first start`)];
  const { mode } = await stat(folder);
  if ((mode & 0o007) !== 0)
    return [
      warning(
        check,
        `other users of the machine can enter ${folder}, which has all content`,
        `chmod 700 ${folder}`,
      ),
    ];
  return [ok(check, folder)];
}

async function spaceFindings(folder: string): Promise<Finding[]> {
  const { type, bsize, blocks, bavail, files, ffree } = await statfs(folder);
  const kind = fileSystemFinding(folder, type);
  const free = bavail * bsize;
  const message = `${sizeText(free)} of ${sizeText(blocks * bsize)} free`;
  const isLow = free < freeWantedBytes || free < (blocks * bsize * freeWantedPercent) / 100;
  const space = isLow
    ? warning('free space', message, 'free some, or move the folder to a larger disk')
    : ok('free space', message);
  if (files > 0 && ffree < freeNodesWanted)
    return [kind, space, problem('free space', `${ffree} more files can be made`, 'remove files')];
  return [kind, space];
}

/** Judges a file system by the number of its kind. */
export function fileSystemFinding(folder: string, type: number): Finding {
  const found = fileSystems[type];
  if (found) return faults[found.fault]!(folder, found.name);
  return ok('file system', `type 0x${type.toString(16)}, which keeps files of this machine`);
}

/** Makes a vault beside the others and removes it: it shows that files are locked, mapped and synced here. */
async function diskFinding(nearest: string, tryStorage: (folder: string) => Promise<void>): Promise<Finding> {
  const folder = await mkdtemp(join(nearest, '.stowken-doctor-'));
  try {
    await tryStorage(join(folder, 'vault'));
    const syncMs = await medianSyncMs(join(folder, 'sync'));
    const message = `a vault was made and removed; a sync takes ${syncMs.toFixed(1)} ms`;
    if (syncMs < syncSlowMs) return ok('disk', message);
    return warning('disk', message, 'use a faster disk; many clients at once share a sync');
  } catch (error) {
    return problem('disk', `no vault can be made here: ${(error as Error).message}`, 'use another disk');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function medianSyncMs(file: string): Promise<number> {
  const handle = await open(file, 'w');
  try {
    const times: number[] = [];
    for (let i = 0; i < syncs; i++) {
      await handle.write(Buffer.alloc(4096));
      const startMs = performance.now();
      await handle.datasync();
      times.push(performance.now() - startMs);
    }
    return times.sort((a, b) => a - b)[syncs >> 1]!;
  } finally {
    await handle.close();
  }
}
