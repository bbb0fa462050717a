import type { Disk } from '../disk/disk.js';
import { inParallel } from '../disk/parallel.js';
import { folderOf, SEGMENTS, TEMPORARY } from '../layout/paths.js';

/** New contents by path; undefined if the file is to be removed. */
export type FileChanges = ReadonlyMap<string, Uint8Array | undefined>;

/**
 * Puts files in place durably: each is written under a temporary name, synced and renamed, then the folders
 * are synced. It is idempotent: repeated after an interruption at any point, it ends in the same state.
 */
export class FilePlacer {
  /**
   * Folders whose own name is known to be durable: one that merely exists may have been made before a crash.
   */
  readonly #settled = new Set<string>(['']);

  constructor(private readonly disk: Disk) {}

  async place(changes: FileChanges): Promise<void> {
    const writes = [...changes].filter((change): change is [string, Uint8Array] => change[1] !== undefined);
    const removals = [...changes.keys()].filter((path) => changes.get(path) === undefined);
    const toSync = new Set<string>();
    const made = await this.#makeFolders([TEMPORARY, ...writes.map(([path]) => folderOf(path))], toSync);
    await inParallel(writes, async ([path, bytes], index) => {
      const temporary = `${TEMPORARY}/${index}`;
      await this.disk.write(temporary, bytes);
      await this.disk.rename(temporary, path);
      toSync.add(folderOf(path));
    });
    await inParallel(removals, async (path) => {
      await this.disk.remove(path);
      // Synced even if the file did not exist: an earlier try may have removed it without reaching the sync.
      toSync.add(folderOf(path));
    });
    await this.#removeEmptyFolders(removals, toSync);
    await inParallel(toSync, (folder) => this.disk.syncFolder(folder));
    for (const folder of made) this.#settled.add(folder);
  }

  /** Creates the folders and their parents, and returns those whose names are to be synced. */
  async #makeFolders(wanted: readonly string[], toSync: Set<string>): Promise<string[]> {
    const folders = new Set(wanted.flatMap(withAncestors).filter((folder) => !this.#settled.has(folder)));
    const depthOf = (folder: string) => folder.split('/').length;
    for (const depth of new Set([...folders].map(depthOf).sort((a, b) => a - b))) {
      const level = [...folders].filter((folder) => depthOf(folder) === depth);
      await inParallel(level, async (folder) => {
        await this.disk.makeFolder(folder);
        toSync.add(folderOf(folder));
      });
    }
    return [...folders];
  }

  /** Removes folders of segments together with the last segment in them. */
  async #removeEmptyFolders(removals: readonly string[], toSync: Set<string>): Promise<void> {
    const inSegments = removals.map(folderOf).filter((folder) => folder.startsWith(`${SEGMENTS}/`));
    for (const folders of [new Set(inSegments), new Set(inSegments.map(folderOf))]) {
      await inParallel(folders, async (folder) => {
        if (!(await this.disk.removeFolder(folder))) return;
        this.#settled.delete(folder);
        toSync.delete(folder);
        toSync.add(folderOf(folder));
      });
    }
  }
}

function withAncestors(folder: string): string[] {
  return folder === '' ? [] : [...withAncestors(folderOf(folder)), folder];
}
