import { isStowkenError, limits, type StowkenError } from '../../model/index.js';
import type { Caller } from './caller.js';

interface Standing {
  readonly caller: Caller;
  readonly stop: (error: StowkenError) => void;
}

/**
 * Callers of streams that are open, looked at once in a while: a stream does not outlive the token, the
 * certificate or the rights by which it was admitted.
 */
export class StandingCallers {
  readonly #standing = new Set<Standing>();
  readonly #timer: NodeJS.Timeout;

  constructor(lookMs: number = limits.streamCallerLookMs) {
    this.#timer = setInterval(() => {
      for (const each of this.#standing) void this.#look(each);
    }, lookMs).unref();
  }

  /** Calls `stop` once, if the caller may no longer do what its stream does. Returns what ends the watch. */
  watch(caller: Caller, stop: (error: StowkenError) => void): () => void {
    if (!caller.canEnd) return nothing;
    const standing = { caller, stop };
    this.#standing.add(standing);
    return () => void this.#standing.delete(standing);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#standing.clear();
  }

  async #look(standing: Standing): Promise<void> {
    try {
      await standing.caller.checkAgain();
    } catch (error) {
      // Keys that cannot be fetched at this moment say nothing about a caller.
      if (!isStowkenError(error) || error.reason === 'IDENTITY_UNAVAILABLE') return;
      if (this.#standing.delete(standing)) standing.stop(error);
    }
  }
}

const nothing = (): void => undefined;
