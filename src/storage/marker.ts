import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { StowkenError } from '../model/index.js';
import { syncFolder } from './folders.js';

/** The file that says, also to a person, what a folder holds. */
const MARKER = 'VAULT';

export interface Marker {
  /** As StorageBackend has it. */
  readonly kind: string;
  readonly format: number;
  readonly vaultId: string;
}

/** @throws StowkenError CORRUPT_STORE when there is a marker that is not one */
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

/** Durable when the promise resolves. */
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

/** The formats that a storage reads. */
export interface FormatRange {
  readonly min: number;
  readonly max: number;
}

/** `where` begins the sentence. @throws StowkenError STORE_VERSION for a format that is not read */
export function checkFormat(format: number, { min, max }: FormatRange, where: string): void {
  if (format >= min && format <= max) return;
  const reads =
    format > max
      ? `this version of stowken reads up to ${max}`
      : `this version of stowken reads none before ${min}; export it with the version that wrote it, and import that`;
  throw new StowkenError('STORE_VERSION', `${where} has storage format ${format}; ${reads}`, {
    version: String(format),
    versionMax: String(max),
  });
}

/** @throws StowkenError STORE_VERSION for a vault of another kind or of a format that is not read */
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
