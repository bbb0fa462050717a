import { link, readdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { isOwnerSocket, type OwnerRecord } from '../../shared/folder-lock.js';

const OWNER_FILE = /^owner\.([1-9][0-9]{0,14})$/;
const CLAIM_FILE = /^claim\.[0-9a-f]{12}$/;

/** True if a file of the vault's folder records its owner. */
export function isOwnerFile(name: string): boolean {
  return OWNER_FILE.test(name) || CLAIM_FILE.test(name) || isOwnerSocket(name);
}

/**
 * Record of the owner's name in the file owner.N with the highest N. Only one of several processes can create
 * owner.N+1, since a link fails if the name exists. The file before is removed when there is a higher one, so
 * the highest never decreases.
 */
export function ownerFiles(folder: string): OwnerRecord {
  return {
    read: async () => (await highest(folder))?.name,
    async replace(found, name) {
      const last = await highest(folder);
      if (last?.name !== found) return false;
      const number = (last?.number ?? 0) + 1;
      if (!(await claim(folder, number, name))) return false;
      // A slow process may have taken a number that others passed long ago.
      const numbers = await ownerNumbers(folder);
      if (Math.max(...numbers) > number) {
        await unlink(join(folder, `owner.${number}`));
        return false;
      }
      const passed = numbers.filter((each) => each < number);
      await Promise.all(passed.map((each) => unlink(join(folder, `owner.${each}`)).catch(() => undefined)));
      return true;
    },
  };
}

async function claim(folder: string, number: number, name: string): Promise<boolean> {
  const written = join(folder, `claim.${randomBytes(6).toString('hex')}`);
  await writeFile(written, name, { flag: 'wx' });
  try {
    await link(written, join(folder, `owner.${number}`));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await unlink(written);
  }
}

async function highest(folder: string): Promise<{ number: number; name: string } | undefined> {
  for (;;) {
    const numbers = await ownerNumbers(folder);
    if (numbers.length === 0) return undefined;
    const number = Math.max(...numbers);
    try {
      return { number, name: await readFile(join(folder, `owner.${number}`), 'utf8') };
    } catch (error) {
      // Passed by a higher number in this moment.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

async function ownerNumbers(folder: string): Promise<number[]> {
  const names = await readdir(folder);
  return names.flatMap((name) => {
    const digits = OWNER_FILE.exec(name)?.[1];
    return digits === undefined ? [] : [Number(digits)];
  });
}
