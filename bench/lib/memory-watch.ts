import type { Memory } from './process-tree.js';
import type { ServerProcess } from './processes.js';

const lookMs = 100;

/** Looks again and again at what a server takes, and keeps the most. */
export class MemoryWatch {
  readonly #timer: NodeJS.Timeout;
  #most: Memory = { residentBytes: 0, ownBytes: 0, peakBytes: 0 };

  constructor(private readonly server: ServerProcess) {
    this.#timer = setInterval(() => this.look(), lookMs);
  }

  get most(): Memory {
    return this.#most;
  }

  /** Looks now as well; the most so far. */
  look(): Memory {
    const now = this.server.memory();
    this.#most = {
      residentBytes: Math.max(this.#most.residentBytes, now.residentBytes),
      ownBytes: Math.max(this.#most.ownBytes, now.ownBytes),
      peakBytes: Math.max(this.#most.peakBytes, now.peakBytes),
    };
    return this.#most;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
