import { readdir } from 'node:fs/promises';
import { printable, StowkenError } from '../model/index.js';
import { isOwnerSocket } from './folder-lock.js';

/** Files and folders that a vault of any storage begins with: where one of them is, opening says what is right or wrong with it. */
const vaultNames = ['VAULT', 'vault.mdb', 'vault.json', 'segments', 'manifests'];

/** What is in the way of nobody: a mounted disk has it, or a start or a restore that was killed left it. */
const harmless = /^(\..*|lost\+found|VAULT\.new|tmp|restoring|vault\.mdb-lock|backup\.mdb-.*)$/;

const namedMax = 3;

/**
 * Checks that a vault can be opened, or made, in a folder that need not be there. Writes nothing.
 * @throws StowkenError FOLDER_NOT_EMPTY for a folder that holds other files and no vault
 */
export async function checkDataFolder(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT') return [];
    if (error.code !== 'ENOTDIR') throw error;
    throw new StowkenError('FOLDER_NOT_EMPTY', `${folder} is a file, where a folder must be`, { folder });
  });
  if (vaultNames.some((name) => names.includes(name))) return;
  const foreign = foreignNames(names);
  if (foreign.length === 0) return;
  const named = foreign.slice(0, namedMax).map(printable).join(', ');
  const more = foreign.length > namedMax ? ` and ${foreign.length - namedMax} more` : '';
  throw new StowkenError(
    'FOLDER_NOT_EMPTY',
    `${folder} is not empty and holds no vault (it has ${named}${more}): name an empty folder, or a new one in it, ` +
      `such as ${folder.replace(/\/+$/, '')}/vault`,
    { folder },
  );
}

/** The names among those of a folder that are in a new vault's way, sorted. */
export function foreignNames(names: readonly string[]): string[] {
  return names.filter((name) => !harmless.test(name) && !isOwnerSocket(name)).sort();
}
