import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { limits, StowkenError } from '../model/index.js';
import { makeFolder, otherVaultsFolder, settingsFile, syncFolder } from '../storage/index.js';
import { defaultVault, invalidName, isVaultName } from './names.js';
import type { VaultRecord } from './settings.js';

/** The vaults that exist, open or not. */
export interface VaultCatalogue {
  /** Folder of a vault; undefined if vaults are in memory. */
  folderOf(name: string): string | undefined;
  /** Names of all vaults, sorted. */
  list(): Promise<string[]>;
  /** Returns a vault's record; undefined if there is no such vault. @throws StowkenError CORRUPT_STORE */
  read(name: string): Promise<VaultRecord | undefined>;
  /** Creates a vault. Returns false if there is one of this name. Durable when the promise resolves. */
  create(name: string, record: VaultRecord): Promise<boolean>;
  /** Replaces the record of a vault. Durable when the promise resolves. */
  write(name: string, record: VaultRecord): Promise<void>;
  /** Removes a vault with its files, which nobody has open. */
  remove(name: string): Promise<void>;
}

/** Folders of vaults that are being created or deleted; no name begins like this. */
const temporaryPrefix = '.';

/** Returns the folder of a vault in a data folder, as a server has it. */
export function vaultFolder(dataFolder: string, name: string): string {
  return name === defaultVault ? dataFolder : join(dataFolder, otherVaultsFolder, name);
}

const labelValue = z.object({ label: z.string(), value: z.string() });
const wholeNumber = z.number().int().min(0);

const recordSchema = z.object({
  createTimeMs: z.number().optional(),
  vaultId: z.string().optional(),
  copyOf: z.string().optional(),
  settings: z.object({
    prefixIndex: z.boolean().optional(),
    autoCompact: z.boolean().optional(),
    quotaBytes: wholeNumber.optional(),
    labels: z.array(z.string()).max(limits.labelsMax).optional(),
    lifetimeMs: wholeNumber.optional(),
    lifetimes: z
      .array(labelValue.extend({ lifetimeMs: wholeNumber }))
      .max(limits.lifetimesMax)
      .optional(),
    keep: z.array(labelValue).max(limits.lifetimesMax).optional(),
    conversationsMax: wholeNumber.optional(),
    contentBytesMax: wholeNumber.optional(),
    keepUsageMs: wholeNumber.optional(),
  }),
});

/** Returns the record with this JSON. @throws SyntaxError, ZodError */
export function parseRecord(json: string): VaultRecord {
  return recordSchema.parse(JSON.parse(json));
}

/**
 * Vaults in folders: the default one in the data folder itself, every other one in `vaults/NAME`. A vault
 * exists if its folder has a record, which is the last thing that is made and the first that disappears.
 */
export class FolderCatalogue implements VaultCatalogue {
  readonly #vaults: string;

  constructor(private readonly dataFolder: string) {
    this.#vaults = join(dataFolder, otherVaultsFolder);
  }

  folderOf(name: string): string {
    return vaultFolder(this.dataFolder, name);
  }

  async list(): Promise<string[]> {
    const entries = await readdir(this.#vaults, { withFileTypes: true }).catch(ifMissing([]));
    const folders = entries.filter((entry) => entry.isDirectory() && isVaultName(entry.name));
    const found = await Promise.all(
      folders.map(async ({ name }) => ((await this.#hasRecord(name)) ? [name] : [])),
    );
    return [defaultVault, ...found.flat().filter((name) => name !== defaultVault)].sort();
  }

  async read(name: string): Promise<VaultRecord | undefined> {
    if (!isVaultName(name)) return undefined;
    const file = join(this.folderOf(name), settingsFile);
    const text = await readFile(file, 'utf8').catch(ifMissing(undefined));
    if (text === undefined) return name === defaultVault ? { settings: {} } : undefined;
    try {
      return parseRecord(text);
    } catch (error) {
      throw new StowkenError('CORRUPT_STORE', `${file} is damaged`, { file }, { cause: error });
    }
  }

  async create(name: string, record: VaultRecord): Promise<boolean> {
    if (name === defaultVault || (await this.#hasRecord(name))) return false;
    await makeFolder(this.#vaults);
    const temporary = this.#temporary(name);
    await mkdir(temporary);
    await writeRecord(temporary, record);
    try {
      await rename(temporary, this.folderOf(name));
    } catch (error) {
      await rm(temporary, { recursive: true, force: true });
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
      throw error;
    }
    await syncFolder(this.#vaults);
    return true;
  }

  async write(name: string, record: VaultRecord): Promise<void> {
    await writeRecord(this.folderOf(name), record);
  }

  /** Returns the folder for a vault of this name that is not there yet. @throws StowkenError INVALID_FIELD */
  newFolderOf(name: string): string {
    if (!isVaultName(name)) throw invalidName(name);
    return this.folderOf(name);
  }

  /** Makes a vault of a folder that has everything but the record. */
  async adopt(name: string, record: VaultRecord): Promise<void> {
    if (name !== defaultVault) await this.write(name, record);
  }

  async remove(name: string): Promise<void> {
    const temporary = this.#temporary(name);
    await rename(this.folderOf(name), temporary);
    await syncFolder(this.#vaults);
    await rm(temporary, { recursive: true, force: true });
    await syncFolder(this.#vaults);
  }

  /** Removes the folders of interrupted creations and deletions. For the owner of the data folder. */
  async removeLeftovers(): Promise<void> {
    const names = await readdir(this.#vaults).catch(ifMissing<string[]>([]));
    const left = names.filter((name) => name.startsWith(temporaryPrefix));
    await Promise.all(left.map((name) => rm(join(this.#vaults, name), { recursive: true, force: true })));
  }

  async #hasRecord(name: string): Promise<boolean> {
    return (await stat(join(this.folderOf(name), settingsFile)).catch(ifMissing(undefined))) !== undefined;
  }

  #temporary(name: string): string {
    return join(this.#vaults, `${temporaryPrefix}${name}-${randomBytes(6).toString('hex')}`);
  }
}

async function writeRecord(folder: string, record: VaultRecord): Promise<void> {
  const temporary = join(folder, `${settingsFile}.new`);
  const file = await open(temporary, 'w');
  try {
    await file.writeFile(`${JSON.stringify(record, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, join(folder, settingsFile));
  await syncFolder(folder);
}

function ifMissing<T>(instead: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === 'ENOENT') return instead;
    throw error;
  };
}

/** Vaults in memory. They end with the process. */
export class MemoryCatalogue implements VaultCatalogue {
  readonly #records = new Map<string, VaultRecord>([[defaultVault, { settings: {} }]]);

  folderOf(): undefined {
    return undefined;
  }

  async list(): Promise<string[]> {
    return [...this.#records.keys()].sort();
  }

  async read(name: string): Promise<VaultRecord | undefined> {
    return this.#records.get(name);
  }

  async create(name: string, record: VaultRecord): Promise<boolean> {
    if (this.#records.has(name)) return false;
    this.#records.set(name, record);
    return true;
  }

  async write(name: string, record: VaultRecord): Promise<void> {
    this.#records.set(name, record);
  }

  async remove(name: string): Promise<void> {
    this.#records.delete(name);
  }
}
