import { setTimeout as sleep } from 'node:timers/promises';
import { isUnreachable, type ClientError } from '../../src/client/index.js';

/** Work of clients on servers of which some are killed meanwhile. */
export abstract class Load {
  /** Calls by name, and calls that were cut off by kills. */
  readonly counts = new Map<string, number>();
  readonly #over = new AbortController();
  #isDisturbed = false;

  /** Address of a server to connect to. */
  abstract get address(): string;

  /** Calls that a client makes before it asks for an address again. */
  abstract readonly callsPerConnection: number;

  get isOver(): boolean {
    return this.#over.signal.aborted;
  }

  /** Makes a call and counts it; resolves to false if it failed since a process was killed. Throws others. */
  async calling(what: () => Promise<string>): Promise<boolean> {
    try {
      this.count(await what());
      return true;
    } catch (error) {
      if (!isUnreachable(error) || !this.#isDisturbed) throw error;
      this.onCutOff(error);
      return false;
    }
  }

  /** Waits, or until the load is over. */
  async pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#over.signal }).catch(() => undefined);
  }

  /** Ends the load; servers continue. */
  leave(): void {
    this.#over.abort();
  }

  protected count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  /** From now on, calls may fail. */
  protected disturb(): void {
    this.#isDisturbed = true;
  }

  protected onCutOff(_error: ClientError): void {}
}
