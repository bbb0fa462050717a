import type { SegmentHash } from '../../../model/index.js';
import { HOLDERS_SUFFIX, isHash, META_SUFFIX, segmentFolder, SEGMENTS } from '../layout/paths.js';
import type { Disk } from './disk.js';
import { inParallel } from './parallel.js';

/** Folders of segments that are listed at a time. */
const FOLDERS_MAX = 1024;

/** What a segment may have beside its frame. */
const SUFFIXES: ReadonlySet<string> = new Set([META_SUFFIX, HOLDERS_SUFFIX]);

/** The files of many folders of segments. */
export interface SegmentFiles {
  /** Files that are in the place of the segment that they are named after. */
  readonly hashes: readonly SegmentHash[];
  /** The names of all files. */
  readonly names: ReadonlySet<string>;
  /** Paths of what is not in its place, or not ours. */
  readonly others: readonly string[];
}

/** Walks segments/aa/bb. What is not of that shape is among the others; sidecars and holders are not. */
export async function* listSegments(disk: Disk): AsyncGenerator<SegmentFiles, void, void> {
  const others: string[] = [];
  const folders = await subfolders(disk, await subfolders(disk, [SEGMENTS], others), others);
  for (let at = 0; at < folders.length; at += FOLDERS_MAX) {
    const hashes: SegmentHash[] = [];
    const names = new Set<string>();
    await inParallel(folders.slice(at, at + FOLDERS_MAX), async (folder) => {
      for (const { name, isFolder } of await disk.list(folder)) {
        const hash = name.slice(0, 64);
        const inPlace = !isFolder && isHash(hash) && segmentFolder(hash) === folder;
        if (inPlace && name === hash) hashes.push(hash);
        else if (!inPlace || !SUFFIXES.has(name.slice(64))) others.push(`${folder}/${name}`);
        if (inPlace) names.add(name);
      }
    });
    yield { hashes, names, others: others.splice(0) };
  }
  if (others.length > 0) yield { hashes: [], names: new Set(), others };
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
