import { type FileHandle, open } from 'node:fs/promises';

/** Bytes that are read at once. */
const pieceBytes = 2 ** 20;
/** Bytes behind which those before are on their way to the disk: little is left to wait for at the end. */
const syncedBytes = 64 * 2 ** 20;

/** A file under a temporary name, written from its beginning to its end through a buffer. */
export class PartialFile {
  private readonly buffer: Buffer;
  private waiting = 0;
  private unsynced = 0;
  /** The sync under way beside the writes that follow it. */
  private syncing: Promise<void> | undefined;
  /** Why a sync failed: the bytes that it was about may be lost, and another sync does not tell. */
  private syncFailure: { readonly error: unknown } | undefined;

  private constructor(
    readonly name: string,
    private readonly file: FileHandle,
    bufferSize: number,
    /** Bytes written so far. */
    public bytes: number,
  ) {
    this.buffer = Buffer.allocUnsafeSlow(bufferSize);
  }

  static async create(path: string, name: string, bufferSize: number): Promise<PartialFile> {
    return new PartialFile(name, await open(path, 'w+'), bufferSize, 0);
  }

  /**
   * Opens a file that was begun before, and drops what is behind so many bytes.
   * @throws Error if it is shorter
   */
  static async reopen(path: string, name: string, bufferSize: number, bytes: number): Promise<PartialFile> {
    const file = await open(path, 'r+');
    const { size } = await file.stat();
    if (size < bytes) {
      await file.close();
      throw new Error(`${path} has ${size} bytes of the ${bytes} that were written to it`);
    }
    await file.truncate(bytes);
    return new PartialFile(name, file, bufferSize, bytes);
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

  /** Yields what was written, in pieces of 1 MiB but for the last; each is valid until the next. */
  async *read(): AsyncGenerator<Uint8Array, void, void> {
    await this.flush();
    const piece = Buffer.allocUnsafeSlow(pieceBytes);
    for (let at = 0; at < this.bytes; at += piece.length) {
      const length = Math.min(piece.length, this.bytes - at);
      for (let filled = 0; filled < length;) {
        const { bytesRead } = await this.file.read(piece, filled, length - filled, at + filled);
        if (bytesRead === 0) throw new Error(`${this.name} is shorter than what was written to it`);
        filled += bytesRead;
      }
      yield piece.subarray(0, length);
    }
  }

  /** Makes durable what was written so far. */
  async sync(): Promise<void> {
    await this.flush();
    await this.syncing;
    if (!this.syncFailure) await this.file.datasync();
    this.throwIfLost();
  }

  /** Makes it durable, and closes it. */
  async finish(): Promise<void> {
    await this.sync();
    await this.close();
  }

  async close(): Promise<void> {
    await this.syncing;
    await this.file.close();
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
    this.unsynced += bytes.length;
    this.throwIfLost();
    if (this.unsynced < syncedBytes || this.syncing) return;
    this.unsynced = 0;
    this.syncing = this.file
      .datasync()
      .catch((error: unknown) => (this.syncFailure = { error }))
      .then(() => (this.syncing = undefined));
  }

  private throwIfLost(): void {
    if (this.syncFailure) throw this.syncFailure.error;
  }
}
