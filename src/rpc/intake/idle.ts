/** How often it is looked who has waited too long. */
const lookMs = 1000;

/** What may wait for a client, and not for ever. */
export interface Watched {
  /** Ends what has waited too long. */
  look(nowMs: number): void;
}

/** Looks after all that waits for a client: with one timer, and not one for each. */
export class IdleWatch {
  readonly #watched = new Set<Watched>();
  readonly #timer: NodeJS.Timeout;

  /** `afterwards` is called after every look. */
  constructor(afterwards: (nowMs: number) => void) {
    this.#timer = setInterval(() => {
      const nowMs = Date.now();
      for (const watched of this.#watched) watched.look(nowMs);
      afterwards(nowMs);
    }, lookMs).unref();
  }

  add(watched: Watched): void {
    this.#watched.add(watched);
  }

  delete(watched: Watched): void {
    this.#watched.delete(watched);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
