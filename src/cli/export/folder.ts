import { mkdir, readdir, readFile, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { UsageError } from '../context.js';
import {
  type Checkpoint,
  type CheckpointFile,
  checkpointName,
  isRunning,
  readCheckpoint,
  thisOwner,
  writeCheckpoint,
} from './checkpoint.js';
import { PartialFile } from './partial-file.js';

const manifestName = 'export.json';
const suffix = '.partial';
/** Bytes that wait in memory to be written, shared out among the files. */
const bufferBytes = 32 * 2 ** 20;
const bufferBytesMin = 16 * 2 ** 10;
const bufferBytesMax = 2 ** 20;

export interface NamedFile {
  readonly name: string;
  readonly bytes: number;
}

interface FolderChoices {
  readonly path: string;
  /** Replace a former export, and begin again what was interrupted. */
  readonly force: boolean;
  readonly filesExpected: number;
  /** See Checkpoint. */
  readonly choices: string;
}

/**
 * The folder of an export. Its files have temporary names until all of them are whole; export.json, which
 * names them, comes last. A checkpoint says how much of them is right, so that a later process can go on.
 */
export class ExportFolder {
  private readonly files = new Map<string, PartialFile>();
  /** Files that are not needed from the next checkpoint on. The last one still names them. */
  private dropped: string[] = [];
  private readonly targets = new Map<string, string>();
  private isKept: boolean;

  private constructor(
    private readonly path: string,
    /** The checkpoint of an earlier process, from which this one goes on. */
    readonly former: Checkpoint | undefined,
    private readonly choices: string,
    private readonly bufferSize: number,
    /** Folders that were made for the export, each before the one that contains it. */
    private made: readonly string[],
  ) {
    this.isKept = former?.progress !== undefined;
  }

  /**
   * Opens an absent or empty folder, or one of an export that was interrupted; with `force`, also one with
   * other files: those of a former export are removed when this one is complete.
   * @throws UsageError if there is something else, or an export is under way
   */
  static async open({ path, force, filesExpected, choices }: FolderChoices): Promise<ExportFolder> {
    const made = await makeFolder(path);
    const found = await readdir(path);
    const left = await leftCheckpoint(path, force);
    if (left && (await isRunning(left.owner))) {
      throw new UsageError(`process ${left.owner.pid} writes an export to ${path}`);
    }
    const former = force ? undefined : left;
    if (former && former.choices !== choices) {
      throw new UsageError(
        `${path} has an export with other options that was interrupted: give the same ones to go on with it, or --force to begin again`,
      );
    }
    if (!former && found.length > 0 && !force) {
      throw new UsageError(`${path} is not empty; --force replaces a former export in it`);
    }
    if (left) await removePartials(path, former?.files ?? []);
    const share = Math.floor(bufferBytes / filesExpected);
    const bufferSize = Math.min(bufferBytesMax, Math.max(bufferBytesMin, share));
    const folder = new ExportFolder(path, former, choices, bufferSize, made);
    await folder.write(former ?? { files: [] });
    return folder;
  }

  /** True if an export could go on from here later. */
  get canGoOn(): boolean {
    return this.isKept;
  }

  /** Begins a file, or goes on with it. Its name may have a folder. */
  async create(name: string): Promise<PartialFile> {
    const path = join(this.path, name + suffix);
    this.made = [...(await makeFolder(dirname(path))), ...this.made];
    const known = this.former?.files.find((file) => file.name === name);
    const file = known
      ? await PartialFile.reopen(path, name, this.bufferSize, known.bytes)
      : await PartialFile.create(path, name, this.bufferSize);
    this.files.set(name, file);
    return file;
  }

  /** Sets the name that a file gets when the export is complete. */
  rename(file: PartialFile, target: string): void {
    this.targets.set(file.name, target);
  }

  /** Closes a temporary file, which is removed when the export is complete. */
  async drop(file: PartialFile): Promise<void> {
    this.files.delete(file.name);
    await file.close();
    this.dropped.push(file.name);
  }

  /** Notes what was read so far, of which all that `progress` lacks is in the files. */
  async checkpoint(progress: unknown): Promise<void> {
    for (const file of this.files.values()) await file.sync();
    await this.write({ files: this.state(), progress });
    this.isKept = true;
    await this.removeDropped();
  }

  /** Gives all files their names. Returns those, with their sizes. */
  async finish(manifest: object, damaged: number): Promise<readonly NamedFile[]> {
    const files = this.state();
    for (const file of this.files.values()) await file.finish();
    const former = await formerFiles(join(this.path, manifestName));
    const stale = former.filter((name) => !files.some(({ target }) => target === name));
    const naming = { manifest, stale, damaged };
    await this.write({ files, naming });
    this.isKept = true;
    await this.removeDropped();
    return this.nameAll(files, naming);
  }

  /** Goes on where finish() was interrupted. */
  async finishFormer(): Promise<{
    readonly manifest: object;
    readonly damaged: number;
    readonly files: readonly NamedFile[];
  }> {
    const { files, naming } = this.former!;
    const { manifest, damaged = 0 } = naming!;
    return { manifest, damaged, files: await this.nameAll(files, naming!) };
  }

  /**
   * Closes the files. They stay if a later process can go on with them; else all of them are removed, and the
   * folders that were made for them.
   */
  async discard(): Promise<void> {
    const names = [...this.files.keys(), ...this.dropped];
    for (const file of this.files.values()) await file.close().catch(() => undefined); // It may be closed.
    this.files.clear();
    if (this.isKept) return;
    for (const name of [...names.map((each) => each + suffix), checkpointName, `${checkpointName}.new`])
      await rm(join(this.path, name), { force: true });
    for (const made of this.made) await rmdir(made).catch(() => undefined); // Others may have files in it.
  }

  private async nameAll(
    files: readonly CheckpointFile[],
    { manifest, stale }: NonNullable<Checkpoint['naming']>,
  ): Promise<readonly NamedFile[]> {
    await rm(join(this.path, manifestName), { force: true });
    for (const name of stale) await rm(join(this.path, name), { force: true });
    for (const { name, target } of files) {
      await rename(join(this.path, name + suffix), join(this.path, target)).catch((error: unknown) => {
        // It has its name already, if this is not the first try.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || !this.former?.naming) throw error;
      });
    }
    const named = files.map(({ target, bytes }) => ({ name: target, bytes }));
    named.sort((a, b) => (a.name < b.name ? -1 : 1));
    const path = join(this.path, manifestName + suffix);
    const last = await PartialFile.create(path, manifestName, bufferBytesMin);
    await last.write(`${JSON.stringify({ ...manifest, files: named }, null, 2)}\n`);
    await last.finish();
    await rename(path, join(this.path, manifestName));
    await rm(join(this.path, checkpointName), { force: true });
    return named;
  }

  private state(): CheckpointFile[] {
    return [...this.files.values()].map(({ name, bytes }) => ({
      name,
      target: this.targets.get(name) ?? name,
      bytes,
    }));
  }

  private async write(checkpoint: Omit<Checkpoint, 'owner' | 'choices'>): Promise<void> {
    await writeCheckpoint(this.path, { ...checkpoint, owner: await thisOwner(), choices: this.choices });
  }

  private async removeDropped(): Promise<void> {
    for (const name of this.dropped) await rm(join(this.path, name + suffix), { force: true });
    this.dropped = [];
  }
}

/** Makes a folder, and those that contain it. Returns those that there were not, the innermost first. */
async function makeFolder(path: string): Promise<string[]> {
  const outermost = await mkdir(path, { recursive: true });
  if (outermost === undefined) return [];
  const made = [resolve(path)];
  while (made.at(-1)!.length > resolve(outermost).length) made.push(dirname(made.at(-1)!));
  return made;
}

/** Returns the checkpoint that is left in a folder. With `force`, an unreadable one counts as absent. */
async function leftCheckpoint(path: string, force: boolean): Promise<Checkpoint | undefined> {
  try {
    return await readCheckpoint(path);
  } catch (error) {
    if (force && error instanceof UsageError) return undefined;
    throw error;
  }
}

/** Removes files with temporary names, but for those of a checkpoint. */
async function removePartials(path: string, kept: readonly CheckpointFile[]): Promise<void> {
  const names = new Set(kept.map(({ name }) => name + suffix));
  const remove = async (folder: string): Promise<void> => {
    for (const entry of await readdir(join(path, folder), { withFileTypes: true })) {
      const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory() && folder === '') await remove(name);
      else if (entry.isFile() && name.endsWith(suffix) && !names.has(name) && name !== checkpointName)
        await rm(join(path, name));
    }
  };
  await remove('');
}

/** Returns the names in the manifest of a former export; none if there is no such manifest. */
async function formerFiles(path: string): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8').catch(() => '{}');
  const { files } = JSON.parse(text) as { files?: unknown };
  if (!Array.isArray(files)) return [];
  const names = files.map((file) => (file as { name?: unknown }).name);
  const isInside = (name: unknown): name is string =>
    typeof name === 'string' && /^[\w.-]+(\/[\w.-]+)?$/.test(name) && !name.split('/').includes('..');
  return names.filter(isInside);
}
