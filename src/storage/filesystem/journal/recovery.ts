import { StowkenError } from '../../../model/index.js';
import type { Disk } from '../disk/disk.js';
import { inParallel } from '../disk/parallel.js';
import { journalName, journalNumber, TEMPORARY } from '../layout/paths.js';
import type { FilePlacer } from './file-placer.js';
import { readJournal } from './journal.js';

/**
 * Finishes what was committed before a crash and forgets what was not. Returns a number for the next journal.
 * @throws StowkenError CORRUPT_STORE when a journal is damaged
 */
export async function recover(disk: Disk, placer: FilePlacer): Promise<number> {
  const entries = await disk.list('');
  const numbers = entries
    .map(({ name }) => journalNumber(name))
    .filter((number) => number !== undefined)
    .sort((a, b) => a - b);
  const changes = new Map<string, Uint8Array | undefined>();
  for (const number of numbers) {
    const bytes = await disk.read(journalName(number));
    if (!bytes) throw new StowkenError('CORRUPT_STORE', `${journalName(number)} went away while it was read`);
    for (const commit of readJournal(bytes, number, number === numbers.at(-1))) {
      for (const [path, content] of commit) changes.set(path, content);
    }
  }
  const leftOver = (await disk.list(TEMPORARY)).filter(({ isFolder }) => !isFolder);
  await inParallel(leftOver, async ({ name }) => void (await disk.remove(`${TEMPORARY}/${name}`)));
  if (changes.size > 0) await placer.place(changes);
  // Oldest first: an older journal alone would put back what a newer one replaced.
  for (const number of numbers) {
    await disk.remove(journalName(number));
    await disk.syncFolder('');
  }
  return (numbers.at(-1) ?? 0) + 1;
}
