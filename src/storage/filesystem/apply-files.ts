import type { Disk } from './disk.js';
import { inParallel } from './parallel.js';
import { folderOf, SEGMENTS, TEMPORARY } from './paths.js';

/** New contents by path; undefined where the file is to go. */
export type FileChanges = ReadonlyMap<string, Uint8Array | undefined>;

/**
 * Puts files in place and has them on the disk: each is written under a temporary name, synced and renamed, then
 * the folders are synced. Repeating it, whatever was done before, ends in the same state.
 */
export async function applyFiles(disk: Disk, changes: FileChanges): Promise<void> {
  const writes = [...changes].filter((change): change is [string, Uint8Array] => change[1] !== undefined);
  const removals = [...changes.keys()].filter((path) => changes.get(path) === undefined);
  const toSync = new Set<string>();

  const folders = new Set(writes.map(([path]) => folderOf(path)).filter((folder) => folder !== ''));
  const parents = new Set([TEMPORARY, ...[...folders].flatMap(ancestorsOf)]);
  // Parents first: an ancestor's path is shorter.
  for (const level of byDepth(new Set([...parents, ...folders]))) {
    await inParallel(level, async (folder) => {
      if (await disk.makeFolder(folder)) toSync.add(folderOf(folder));
    });
  }
  await inParallel(writes, async ([path, bytes], index) => {
    const temporary = `${TEMPORARY}/${index}`;
    await disk.write(temporary, bytes);
    await disk.rename(temporary, path);
    toSync.add(folderOf(path));
  });
  await inParallel(removals, async (path) => {
    await disk.remove(path);
    // Also when it was not there: an earlier try may have removed it and not come to the sync.
    toSync.add(folderOf(path));
  });
  await removeEmptyFolders(disk, removals, toSync);
  await inParallel(toSync, (folder) => disk.syncFolder(folder));
}

/** Folders of segments go with the last segment in them. */
async function removeEmptyFolders(disk: Disk, removals: readonly string[], toSync: Set<string>) {
  const inSegments = removals.map(folderOf).filter((folder) => folder.startsWith(`${SEGMENTS}/`));
  for (const folders of [new Set(inSegments), new Set(inSegments.map(folderOf))]) {
    await inParallel(folders, async (folder) => {
      if (!(await disk.removeFolder(folder))) return;
      toSync.delete(folder);
      toSync.add(folderOf(folder));
    });
  }
}

function ancestorsOf(folder: string): string[] {
  const parent = folderOf(folder);
  return parent === '' ? [] : [...ancestorsOf(parent), parent];
}

function byDepth(folders: ReadonlySet<string>): string[][] {
  const levels: string[][] = [];
  for (const folder of folders) (levels[folder.split('/').length - 1] ??= []).push(folder);
  return levels.filter((level) => level !== undefined);
}
