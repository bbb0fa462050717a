import type { Disk, FolderEntry, LogFile } from '../../../../src/storage/filesystem/disk/disk.js';

interface File {
  readonly kind: 'file';
  bytes: Uint8Array;
  /** Content that a power cut leaves for sure; undefined: anything between nothing and all of it. */
  durable: Uint8Array | undefined;
}

interface Folder {
  readonly kind: 'folder';
  readonly entries: Map<string, File | Folder>;
  /** The names that a power cut leaves for sure. */
  durable: ReadonlyMap<string, File | Folder>;
}

/** A number from 0 up to 1. */
export type Random = () => number;

/** Called at each step of an operation on the disk; may throw instead. */
export type Step = (operation: string, path: string) => void;

/**
 * A disk in memory that loses all unsynced data when its power is cut, in any mixture that a real one might:
 * a file's bytes last from its sync on, a name from the sync of its folder on. Every other name and file may
 * exist or not, files also in part.
 */
export class SimulatedDisk implements Disk {
  step: Step = () => undefined;

  constructor(private root: Folder = newFolder()) {}

  /** Returns the disk as seen by a process after one that was killed. */
  afterKill(): SimulatedDisk {
    return new SimulatedDisk(copy(this.root) as Folder);
  }

  afterPowerCut(random: Random): SimulatedDisk {
    return new SimulatedDisk(survivor(this.root, random) as Folder);
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    await this.#step('read', path);
    const found = this.#find(path);
    return found?.kind === 'file' ? found.bytes.slice() : undefined;
  }

  async size(path: string): Promise<number | undefined> {
    return (await this.read(path))?.length;
  }

  async list(path: string): Promise<FolderEntry[]> {
    await this.#step('list', path);
    const found = this.#find(path);
    if (found?.kind !== 'folder') return [];
    return [...found.entries].map(([name, { kind }]) => ({ name, isFolder: kind === 'folder' }));
  }

  async makeFolder(path: string): Promise<void> {
    await this.#step('makeFolder', path);
    const { entries, name } = this.#parent(path);
    if (!entries.has(name)) entries.set(name, newFolder());
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    const file = await this.#create(path);
    await this.#step('write half', path);
    file.bytes = bytes.slice(0, bytes.length >> 1);
    await this.#step('write', path);
    file.bytes = bytes.slice();
    await this.#step('sync', path);
    file.durable = file.bytes;
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#step('rename', to);
    const source = this.#parent(from);
    const target = this.#parent(to);
    const moved = source.entries.get(source.name);
    if (!moved) throw systemError('ENOENT', from);
    source.entries.delete(source.name);
    target.entries.set(target.name, moved);
  }

  async remove(path: string): Promise<void> {
    await this.#step('remove', path);
    const folder = this.#find(path.slice(0, Math.max(0, path.lastIndexOf('/'))));
    if (folder?.kind === 'folder') folder.entries.delete(path.slice(path.lastIndexOf('/') + 1));
  }

  async removeFolder(path: string): Promise<boolean> {
    await this.#step('removeFolder', path);
    const found = this.#find(path);
    if (found?.kind !== 'folder') return true;
    if (found.entries.size > 0) return false;
    const { entries, name } = this.#parent(path);
    return entries.delete(name);
  }

  async syncFolder(path: string): Promise<void> {
    await this.#step('syncFolder', path);
    const found = this.#find(path);
    if (found?.kind === 'folder') found.durable = new Map(found.entries);
  }

  async createLog(path: string): Promise<LogFile> {
    const file = await this.#create(path);
    const write = async (bytes: Uint8Array) => {
      await this.#step('write half', path);
      file.bytes = bytes.slice(0, file.bytes.length + ((bytes.length - file.bytes.length) >> 1));
      await this.#step('write', path);
      file.bytes = bytes;
      await this.#step('sync', path);
      file.durable = bytes;
    };
    return {
      append: (bytes) => write(Buffer.concat([file.bytes, bytes])),
      truncate: async (length) => {
        await this.#step('truncate', path);
        file.bytes = file.bytes.slice(0, length);
        await this.#step('sync', path);
        file.durable = file.bytes;
      },
      close: async () => undefined,
    };
  }

  /** Returns every path of a file, for tests that inspect or damage it. */
  files(): string[] {
    const walk = (folder: Folder, prefix: string): string[] =>
      [...folder.entries].flatMap(([name, entry]) =>
        entry.kind === 'file' ? [`${prefix}${name}`] : walk(entry, `${prefix}${name}/`),
      );
    return walk(this.root, '');
  }

  async #step(operation: string, path: string): Promise<void> {
    await Promise.resolve();
    this.step(operation, path);
  }

  async #create(path: string): Promise<File> {
    await this.#step('create', path);
    const { entries, name } = this.#parent(path);
    const file: File = { kind: 'file', bytes: new Uint8Array(0), durable: undefined };
    entries.set(name, file);
    return file;
  }

  #parent(path: string): { entries: Map<string, File | Folder>; name: string } {
    const at = path.lastIndexOf('/');
    const folder = this.#find(path.slice(0, Math.max(0, at)));
    if (folder?.kind !== 'folder') throw systemError('ENOENT', path);
    return { entries: folder.entries, name: path.slice(at + 1) };
  }

  #find(path: string): File | Folder | undefined {
    let found: File | Folder | undefined = this.root;
    for (const name of path === '' ? [] : path.split('/')) {
      found = found?.kind === 'folder' ? found.entries.get(name) : undefined;
    }
    return found;
  }
}

export function systemError(code: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: simulated, write '${path}'`), { code });
}

function newFolder(entries = new Map<string, File | Folder>()): Folder {
  return { kind: 'folder', entries, durable: new Map(entries) };
}

function copy(entry: File | Folder): File | Folder {
  if (entry.kind === 'file') return { ...entry };
  const entries = new Map([...entry.entries].map(([name, each]) => [name, copy(each)]));
  const durable = new Map([...entry.durable].map(([name, each]) => [name, copy(each)]));
  // An entry that was on the disk stays the same file while it exists.
  for (const [name, each] of entries) {
    if (entry.durable.get(name) === entry.entries.get(name)) durable.set(name, each);
  }
  return { kind: 'folder', entries, durable };
}

function survivor(entry: File | Folder, random: Random): File | Folder {
  if (entry.kind === 'file') return survivingFile(entry, random);
  const entries = new Map<string, File | Folder>();
  for (const name of new Set([...entry.durable.keys(), ...entry.entries.keys()])) {
    const [old, current] = [entry.durable.get(name), entry.entries.get(name)];
    const kept = old === current || random() < 0.5 ? current : old;
    if (kept) entries.set(name, survivor(kept, random));
  }
  return newFolder(entries);
}

function survivingFile({ bytes, durable }: File, random: Random): File {
  const written = Math.floor(random() * (bytes.length + 1));
  const choices = [
    durable ?? new Uint8Array(0),
    bytes,
    bytes.slice(0, written),
    // The length reached the disk, and not all of the content.
    Buffer.concat([bytes.subarray(0, written), new Uint8Array(bytes.length - written)]),
  ];
  const kept = durable === bytes ? bytes : (choices[Math.floor(random() * choices.length)] as Uint8Array);
  // Synced bytes are not lost by later appends.
  const sure = durable && isPrefix(durable, bytes) ? durable.length : 0;
  const file =
    kept.length < sure
      ? (durable as Uint8Array)
      : Buffer.concat([bytes.subarray(0, sure), kept.subarray(sure)]);
  return { kind: 'file', bytes: Uint8Array.from(file), durable: Uint8Array.from(file) };
}

function isPrefix(prefix: Uint8Array, bytes: Uint8Array): boolean {
  return Buffer.compare(prefix, bytes.subarray(0, prefix.length)) === 0;
}
