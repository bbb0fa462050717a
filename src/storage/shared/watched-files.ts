import { statSync } from 'node:fs';

const ADVICE = 'stop the server, bring the file back (or restore a backup), and start it again';

interface Watched {
  readonly name: string;
  readonly path: string;
  readonly device: number;
  readonly inode: number;
  /** Bytes that it had when it was looked at last, of a file that never becomes shorter. */
  bytes: number | undefined;
}

/**
 * Files that a process has open, which somebody may remove, replace or cut off under it: what is written then is
 * lost, though the system says that all went well. Looking takes a few microseconds, without a turn of the event loop.
 */
export class WatchedFiles {
  readonly #files: Watched[] = [];
  #fault: string | undefined;

  /**
   * Remembers the file that has this path now. `name` is what a person calls it; `grows` says that it never becomes
   * shorter while this process has it.
   */
  watch(name: string, path: string, { grows = false } = {}): void {
    const { dev: device, ino: inode, size } = statSync(path);
    this.#files.push({ name, path, device, inode, bytes: grows ? size : undefined });
  }

  /** What has become of one of them, in words; undefined while all are there. What was seen once stays said. */
  fault(): string | undefined {
    if (this.#fault !== undefined) return this.#fault;
    for (const file of this.#files) {
      const fault = look(file);
      if (fault !== undefined) return (this.#fault = `${file.name} ${file.path} ${fault}; ${ADVICE}`);
    }
    return undefined;
  }
}

function look(file: Watched): string | undefined {
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
