import { limits, StowkenError } from '../../../model/index.js';
import { isOwned, lockedFolder } from '../../folder-lock.js';
import { dataFileIn } from '../tables/environment.js';
import { checkDataFile } from './check-data-file.js';
import { PageDamage } from './page-damage.js';
import { META_PAGES } from './meta-pages.js';
import { PageFile } from './page-file.js';

/** How often the file is read again that another process has changed meanwhile. */
const ATTEMPTS = 5;

/**
 * Checks the data file of a vault that nobody has open, before LMDB maps it: LMDB believes what its pages say, and ends
 * the process where they are wrong. Reads alone: what is refused is as it was. `owned` says whether the folder may have
 * an owner who writes meanwhile.
 * @throws StowkenError CORRUPT_STORE, STORE_LOCKED
 */
export async function checkBeforeOpening(folder: string, owned: boolean): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    if (owned && (await isOwned(folder))) throw lockedFolder(folder);
    const finding = check(dataFileIn(folder));
    if (!finding) return;
    if (!finding.changed) throw damagedFile(folder, finding.damage);
    // Another process is just opening it, and writes.
    if (attempt === ATTEMPTS) throw lockedFolder(folder);
  }
}

function check(path: string): { readonly damage: PageDamage; readonly changed: boolean } | undefined {
  const file = PageFile.open(path);
  try {
    const before = metaPages(file);
    try {
      checkDataFile(file, { leaves: file.bytes <= limits.openedLeavesBytesMax });
      return undefined;
    } catch (error) {
      if (!(error instanceof PageDamage)) throw error;
      return { damage: error, changed: !before.equals(metaPages(file)) };
    }
  } finally {
    file.close();
  }
}

/** The bytes that every commit changes; none in a file without them. */
function metaPages(file: PageFile): Buffer {
  try {
    return file.read(0, META_PAGES);
  } catch (error) {
    if (error instanceof PageDamage) return Buffer.alloc(0);
    throw error;
  }
}

function damagedFile(folder: string, damage: PageDamage): StowkenError {
  const command = `stowken salvage ${quoted(folder)} --to NEW`;
  return new StowkenError(
    'CORRUPT_STORE',
    `the data file ${dataFileIn(folder)} is damaged: ${damage.message}. Nothing was changed. ` +
      `To copy what can be read of it to a new vault: ${command}`,
    { command, ...(damage.page === undefined ? {} : { page: String(damage.page) }) },
    { cause: damage },
  );
}

/** A path as a shell takes it. */
function quoted(path: string): string {
  return /^[\w./+,:@-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
