import type { Memory } from './process-tree.js';
import type { ServerProcess } from './processes.js';

const lookMs = 100;

/** Samples a server's memory at intervals, and keeps the maximum. */
export class MemoryWatch {
  readonly #timer: NodeJS.Timeout;
  #most: Memory = { residentBytes: 0, ownBytes: 0, peakBytes: 0 };

  constructor(private readonly server: ServerProcess) {
    this.#timer = setInterval(() => this.look(), lookMs);
  }

  get most(): Memory {
    return this.#most;
  }

  /** Samples now as well; returns the maximum so far. */
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
