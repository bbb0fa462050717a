import { statSync } from 'node:fs';
import { present } from '../../model/index.js';

const ADVICE = 'stop the server, bring the file back (or restore a backup), and start it again';

/** Age up to which a look at the sizes of those that grow is recent, in milliseconds. */
const SIZE_RECENT_MS = 5;

interface GuardedFile {
  readonly name: string;
  readonly path: string;
  readonly device: number;
  readonly inode: number;
  /** Size in bytes at the last look, for a file that never shrinks. */
  bytes: number | undefined;
}

/**
 * Open files of a process that somebody else may remove, replace or truncate. Writes to such a file are lost,
 * although the system reports success. A look takes a few microseconds, without a turn of the event loop.
 */
export class GuardedFiles {
  readonly #files: GuardedFile[] = [];
  /** Those of them that grow. */
  readonly #growing: GuardedFile[] = [];
  #fault: string | undefined;
  /** Time of the last look at the sizes of those that grow, by performance.now(). */
  #sizesAt = -Infinity;

  /**
   * Remembers the file that has this path now. `name` is its name in messages. `grows` means that it never
   * shrinks while this process has it open.
   */
  watch(name: string, path: string, { grows = false } = {}): void {
    const { dev: device, ino: inode, size } = statSync(path);
    const file: GuardedFile = { name, path, device, inode, bytes: grows ? size : undefined };
    this.#files.push(file);
    if (grows) this.#growing.push(file);
  }

  /**
   * Describes the first fault found, in words; undefined while all files are intact. A fault found once is
   * returned ever after.
   */
  fault(): string | undefined {
    if (this.#fault !== undefined) return this.#fault;
    for (const file of this.#files) {
      const fault = look(file);
      if (fault === undefined) continue;
      this.#sizesAt = -Infinity;
      return (this.#fault = `${file.name} ${file.path} ${fault}; ${ADVICE}`);
    }
    this.#sizesAt = performance.now();
    return undefined;
  }

  /**
   * Describes a file that was cut off, in words; undefined if none was some milliseconds ago. To read behind
   * the end of a mapped file would end the process; files that were removed or replaced can still be read.
   */
  cut(): string | undefined {
    if (performance.now() - this.#sizesAt < SIZE_RECENT_MS) return undefined;
    for (const file of this.#growing) {
      const found = statSync(file.path, { throwIfNoEntry: false });
      if (found?.ino === file.inode && found.size < present(file.bytes, 'it grows')) return this.fault();
    }
    this.#sizesAt = performance.now();
    return undefined;
  }
}

function look(file: GuardedFile): string | undefined {
  const found = statSync(file.path, { throwIfNoEntry: false });
  if (!found) return 'was removed or renamed while the vault was open';
  if (found.dev !== file.device || found.ino !== file.inode) {
    return 'was replaced by another file while the vault was open';
  }
  if (file.bytes === undefined) return undefined;
  if (found.size < file.bytes) {
    return `was cut off from ${file.bytes} to ${found.size} bytes while the vault was open`;
  }
  file.bytes = found.size;
  return undefined;
}
