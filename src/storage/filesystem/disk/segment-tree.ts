import { isSegmentHash, type SegmentHash } from '../../../model/index.js';
import { HOLDERS_SUFFIX, META_SUFFIX, segmentFolder, SEGMENTS } from '../layout/paths.js';
import type { Disk } from './disk.js';
import { inParallel } from './parallel.js';

/** Limit of the folders of segments that are listed at a time. */
const FOLDERS_MAX = 1024;

/** Suffixes of the files that a segment may have besides its frame. */
const SUFFIXES: ReadonlySet<string> = new Set([META_SUFFIX, HOLDERS_SUFFIX]);

/** Files of many folders of segments. */
export interface SegmentFiles {
  /** Hashes of the segments whose file is in its place. */
  readonly hashes: readonly SegmentHash[];
  /** Names of all files. */
  readonly names: ReadonlySet<string>;
  /** Paths of files that are not in their place, or not the vault's. */
  readonly others: readonly string[];
}

/**
 * Walks segments/aa/bb. Entries of another shape are listed as others; sidecars and files of holders are not.
 */
export async function* listSegments(disk: Disk): AsyncGenerator<SegmentFiles, void, void> {
  const others: string[] = [];
  const folders = await subfolders(disk, await subfolders(disk, [SEGMENTS], others), others);
  for (let at = 0; at < folders.length; at += FOLDERS_MAX) {
    const hashes: SegmentHash[] = [];
    const names = new Set<string>();
    await inParallel(folders.slice(at, at + FOLDERS_MAX), async (folder) => {
      for (const { name, isFolder } of await disk.list(folder)) {
        const hash = name.slice(0, 64);
        const inPlace = !isFolder && isSegmentHash(hash) && segmentFolder(hash) === folder;
        if (inPlace && name === hash) hashes.push(hash);
        else if (!inPlace || !SUFFIXES.has(name.slice(64))) others.push(`${folder}/${name}`);
        if (inPlace) names.add(name);
      }
    });
    yield { hashes, names, others: others.splice(0) };
  }
  if (others.length > 0) yield { hashes: [], names: new Set(), others };
}

/** Returns the segment that a listed name is of. */
export function hashOfName(name: string): SegmentHash {
  return name.slice(0, 64) as SegmentHash;
}

async function subfolders(disk: Disk, folders: readonly string[], others: string[]): Promise<string[]> {
  const found: string[] = [];
  await inParallel(folders, async (folder) => {
    for (const { name, isFolder } of await disk.list(folder)) {
      const path = `${folder}/${name}`;
      (isFolder && /^[0-9a-f]{2}$/.test(name) ? found : others).push(path);
    }
  });
  return found.sort();
}
