import { type FileHandle, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UsageError } from '../context.js';

const manifestName = 'export.json';
const suffix = '.partial';
/** Bytes that wait in memory to be written, shared out among the files. */
const bufferBytes = 32 * 2 ** 20;
const bufferBytesMin = 16 * 2 ** 10;
const bufferBytesMax = 2 ** 20;

/** A file under a temporary name, written from its beginning to its end through a buffer. */
export class PartialFile {
  /** Bytes written so far. */
  bytes = 0;
  private readonly buffer: Buffer;
  private waiting = 0;

  private constructor(
    readonly name: string,
    private readonly file: FileHandle,
    bufferSize: number,
  ) {
    this.buffer = Buffer.allocUnsafeSlow(bufferSize);
  }

  static async create(path: string, name: string, bufferSize: number): Promise<PartialFile> {
    return new PartialFile(name, await open(path, 'w+'), bufferSize);
  }

  /** Appends bytes. They belong to the caller again when the promise resolves. */
  async write(content: Uint8Array | string): Promise<void> {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    if (this.waiting + bytes.length > this.buffer.length) await this.flush();
    if (bytes.length > this.buffer.length) await this.writeAt(bytes, this.bytes);
    else {
      this.buffer.set(bytes, this.waiting);
      this.waiting += bytes.length;
    }
    this.bytes += bytes.length;
  }

  /** Replaces bytes near the beginning, which were written as a place for them. */
  async replace(offset: number, bytes: Uint8Array): Promise<void> {
    await this.flush();
    await this.writeAt(bytes, offset);
  }

  /** Drops everything behind this size. */
  async truncate(bytes: number): Promise<void> {
    await this.flush();
    await this.file.truncate(bytes);
    this.bytes = bytes;
  }

  /** Yields what was written, in pieces; each is valid until the next. */
  async *read(): AsyncGenerator<Uint8Array, void, void> {
    await this.flush();
    const piece = Buffer.allocUnsafeSlow(bufferBytesMax);
    for (let at = 0; at < this.bytes;) {
      const { bytesRead } = await this.file.read(piece, 0, piece.length, at);
      if (bytesRead === 0) throw new Error(`${this.name} is shorter than what was written to it`);
      yield piece.subarray(0, bytesRead);
      at += bytesRead;
    }
  }

  /** Makes it durable, and closes it. */
  async finish(): Promise<void> {
    await this.flush();
    await this.file.sync();
    await this.close();
  }

  close(): Promise<void> {
    return this.file.close();
  }

  private async flush(): Promise<void> {
    if (this.waiting === 0) return;
    const { waiting } = this;
    this.waiting = 0;
    await this.writeAt(this.buffer.subarray(0, waiting), this.bytes - waiting);
  }

  private async writeAt(bytes: Uint8Array, offset: number): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await this.file.write(bytes, done, bytes.length - done, offset + done);
      done += bytesWritten;
    }
  }
}

/**
 * The folder of an export. Its files have temporary names until all of them are whole; export.json, which
 * names them, comes last.
 */
export class ExportFolder {
  private readonly files = new Map<string, PartialFile>();

  private constructor(
    private readonly path: string,
    private readonly former: readonly string[],
    private readonly bufferSize: number,
  ) {}

  /**
   * Opens an absent or empty folder; with `force`, also one with files, of which those of a former export are
   * removed in the end.
   * @throws UsageError if there is something else
   */
  static async open(path: string, force: boolean, filesExpected: number): Promise<ExportFolder> {
    await mkdir(path, { recursive: true });
    const found = await readdir(path);
    if (found.length > 0 && !force) {
      throw new UsageError(`${path} is not empty; --force replaces a former export in it`);
    }
    const share = Math.floor(bufferBytes / filesExpected);
    const bufferSize = Math.min(bufferBytesMax, Math.max(bufferBytesMin, share));
    return new ExportFolder(path, await formerFiles(join(path, manifestName)), bufferSize);
  }

  /** Begins a file. Its name may have a folder. */
  async create(name: string): Promise<PartialFile> {
    const path = join(this.path, name + suffix);
    await mkdir(dirname(path), { recursive: true });
    const file = await PartialFile.create(path, name, this.bufferSize);
    this.files.set(name, file);
    return file;
  }

  /** Removes a file that was only needed on the way. */
  async drop(file: PartialFile): Promise<void> {
    this.files.delete(file.name);
    await file.close();
    await rm(join(this.path, file.name + suffix));
  }

  /** Gives all files their names. Returns those, with their sizes. */
  async finish(manifest: object): Promise<readonly { readonly name: string; readonly bytes: number }[]> {
    const files = [...this.files.values()].map(({ name, bytes }) => ({ name, bytes }));
    files.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const file of this.files.values()) await file.finish();
    await rm(join(this.path, manifestName), { force: true });
    const stale = this.former.filter((name) => !this.files.has(name));
    for (const name of stale) await rm(join(this.path, name), { force: true });
    for (const { name } of files) await rename(join(this.path, name + suffix), join(this.path, name));
    this.files.clear();
    const last = await PartialFile.create(
      join(this.path, manifestName + suffix),
      manifestName,
      bufferBytesMin,
    );
    await last.write(`${JSON.stringify({ ...manifest, files }, null, 2)}\n`);
    await last.finish();
    await rename(join(this.path, manifestName + suffix), join(this.path, manifestName));
    return files;
  }

  /** Removes what is not whole. */
  async discard(): Promise<void> {
    for (const file of this.files.values()) {
      await file.close().catch(() => undefined); // It may be closed already.
      await rm(join(this.path, file.name + suffix), { force: true });
    }
    this.files.clear();
  }
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
