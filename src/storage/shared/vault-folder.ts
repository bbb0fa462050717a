import { mkdir, open, readdir, readFile, rename, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { printable, StowkenError } from '../../model/index.js';
import { isOwnerSocket } from './folder-lock.js';

/**
 * Files and folders that a vault of any storage begins with. If one of them exists, opening the vault reports
 * whether it is valid.
 */
const vaultNames: readonly string[] = ['VAULT', 'vault.mdb', 'vault.json', 'segments', 'manifests'];

/** Names that the server of a data folder uses beside a vault's own: other vaults, and settings. */
export const otherVaultsFolder = 'vaults';
export const settingsFile = 'settings.json';
export const checkStateFile = 'background-check.json';

const serverNames = new RegExp(
  `^(${otherVaultsFolder}|(settings|background-check)\\.json(\\.new)?|audit\\.jsonl(\\.\\d+)?)$`,
);

/** True for names that the server of a data folder uses beside the default vault. */
export function belongsToServer(name: string): boolean {
  return serverNames.test(name);
}

/**
 * Names that are in nobody's way: they belong to a mounted disk, or were left by a start or a restore that
 * was killed.
 */
const harmless = /^(\..*|lost\+found|VAULT\.new|tmp|restoring|vault\.mdb-lock|backup\.mdb-.*)$/;

const namedMax = 3;

/**
 * Checks that a vault can be opened or created in a folder, which need not exist. Writes nothing.
 * @throws StowkenError FOLDER_NOT_EMPTY for a folder that holds other files and no vault
 */
export async function checkDataFolder(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT') return [];
    if (error.code !== 'ENOTDIR') throw error;
    throw new StowkenError('FOLDER_NOT_EMPTY', `${folder} is a file, where a folder must be`, { folder });
  });
  if (holdsVault(names)) return;
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

/** True if a folder with these names holds a vault, whole or not. */
export function holdsVault(names: readonly string[]): boolean {
  return vaultNames.some((name) => names.includes(name));
}

/** Returns those of a folder's names that are in a new vault's way, sorted. */
export function foreignNames(names: readonly string[]): string[] {
  return names
    .filter((name) => !harmless.test(name) && !belongsToServer(name) && !isOwnerSocket(name))
    .sort();
}

/**
 * Creates a folder and its missing parents. Resolves to the outermost folder created. Durable when the
 * promise resolves. It goes step by step, because Node's recursive mkdir never returns on a file system that
 * does not allow folders (/proc).
 */
export async function makeFolder(folder: string): Promise<string | undefined> {
  const missing: string[] = [];
  for (let path = resolve(folder); !(await isThere(path)); path = dirname(path)) missing.push(path);
  let outermost: string | undefined;
  for (const path of missing.reverse()) {
    if (!(await make(path, resolve(folder)))) continue;
    outermost ??= path;
    await syncFolder(dirname(path));
  }
  return outermost;
}

async function isThere(path: string): Promise<boolean> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  if (found === undefined) return false;
  if (!found.isDirectory()) throw new Error(`${path} is a file, where a folder must be`);
  return true;
}

/** Resolves to true if this call made it: somebody else may have, meanwhile. */
async function make(path: string, own: string): Promise<boolean> {
  try {
    await mkdir(path, { mode: path === own ? 0o700 : 0o777 });
    return true;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await isThere(path))) return false;
    const why = code === 'ENOENT' ? `${dirname(path)} takes no folders` : message;
    throw new Error(`the folder ${path} cannot be made: ${why}`, { cause: error });
  }
}

/** Makes the entries of a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Name of the file that identifies a folder as a vault, to programs and to people. */
const MARKER = 'VAULT';

export interface Marker {
  /** Same as StorageBackend.kind. */
  readonly kind: string;
  readonly format: number;
  readonly vaultId: string;
}

/** @throws StowkenError CORRUPT_STORE if the marker is not valid */
export async function readMarker(folder: string): Promise<Marker | undefined> {
  let text: string;
  try {
    text = await readFile(join(folder, MARKER), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const [, kind, format, vaultId] =
    /^stowken vault\nstorage (\w+)\nformat (\d+)\nid ([0-9a-f]{32})\n$/.exec(text) ?? [];
  if (kind === undefined || vaultId === undefined) {
    throw new StowkenError('CORRUPT_STORE', `the file ${MARKER} in ${folder} is not what a vault has there`);
  }
  return { kind, format: Number(format), vaultId };
}

/** Writes the marker. Durable when the promise resolves. */
export async function writeMarker(folder: string, { kind, format, vaultId }: Marker): Promise<void> {
  const temporary = join(folder, `${MARKER}.new`);
  const file = await open(temporary, 'w');
  try {
    await file.writeFile(`stowken vault\nstorage ${kind}\nformat ${format}\nid ${vaultId}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, join(folder, MARKER));
  await syncFolder(folder);
}

/** Range of the formats that a storage reads. */
export interface FormatRange {
  readonly min: number;
  readonly max: number;
}

/**
 * Checks that a format can be read. `where` begins the error's sentence. @throws StowkenError STORE_VERSION
 */
export function checkFormat(format: number, { min, max }: FormatRange, where: string): void {
  if (format >= min && format <= max) return;
  const reads =
    format > max
      ? `this version of stowken reads up to ${max}`
      : `this version of stowken reads none before ${min}; export it with the version that wrote it, and import that`;
  throw new StowkenError('STORE_VERSION', `${where} has storage format ${format}; ${reads}`, {
    version: String(format),
    version_max: String(max),
  });
}

/** @throws StowkenError STORE_VERSION for a vault of another kind, or of a format that cannot be read */
export function checkMarker(marker: Marker, kind: string, formats: FormatRange, folder: string): void {
  if (marker.kind !== kind) {
    throw new StowkenError(
      'STORE_VERSION',
      `${folder} holds a vault of the ${marker.kind} storage, not ${kind}`,
      {
        kind: marker.kind,
      },
    );
  }
  checkFormat(marker.format, formats, `the vault in ${folder}`);
}
