import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from '../model/index.js';

/** Hooks of files that are read again when they change. */
export interface ReloadedFilesOptions {
  readonly files: readonly string[];
  /** Reads the files. Rejects if they are not as they should be; the former state then stays in force. */
  readonly load: () => Promise<void>;
  /** Called once for each change whose `load` rejected. */
  readonly onError: (error: unknown) => void;
}

/**
 * Reads files again when they have changed. It asks the file system at intervals instead of being notified:
 * that works on every file system, and when a folder is replaced behind a symbolic link, as Kubernetes does
 * with secrets. A change is loaded when it has been there for one interval: writers are often half done
 * before.
 */
export class ReloadedFiles {
  readonly #stop = new AbortController();
  #loaded: string;
  #seen: string;

  private constructor(
    private readonly options: ReloadedFilesOptions,
    state: string,
  ) {
    this.#loaded = this.#seen = state;
    void this.#watch();
  }

  /** Loads the files, then watches them. @throws the error of the first `load` */
  static async open(options: ReloadedFilesOptions): Promise<ReloadedFiles> {
    const state = await stateOf(options.files);
    await options.load();
    return new ReloadedFiles(options, state);
  }

  close(): void {
    this.#stop.abort();
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await sleep(limits.reloadedFilesLookMs, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      await this.#look();
    }
  }

  async #look(): Promise<void> {
    const state = await stateOf(this.options.files);
    const isStable = state === this.#seen;
    this.#seen = state;
    if (!isStable || state === this.#loaded) return;
    this.#loaded = state;
    try {
      await this.options.load();
    } catch (error) {
      if (!this.#stop.signal.aborted) this.options.onError(error);
    }
  }
}

/** Returns a text that differs when one of the files has been written or replaced. */
async function stateOf(files: readonly string[]): Promise<string> {
  const states = files.map(async (file) => {
    const found = await stat(file, { bigint: true }).catch(() => undefined);
    if (found === undefined) return 'absent';
    return [found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs].join(' ');
  });
  return (await Promise.all(states)).join('\n');
}
