/**
 * Order of the changes of this process: those that are about the same thing are made in the order in which
 * they came, others at the same time.
 */
export class ChangeOrder {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs `work` when all earlier work about any of these things is done. */
  async run<T>(things: readonly string[], work: () => Promise<T>): Promise<T> {
    const before = things.flatMap((thing) => this.#last.get(thing) ?? []);
    let done = () => {};
    const turn = new Promise<void>((resolve) => (done = resolve));
    for (const thing of things) this.#last.set(thing, turn);
    try {
      await Promise.all(before);
      return await work();
    } finally {
      done();
      for (const thing of things) if (this.#last.get(thing) === turn) this.#last.delete(thing);
    }
  }

  /** Resolves when everything that has begun is done. */
  async idle(): Promise<void> {
    while (this.#last.size > 0) await Promise.all(this.#last.values());
  }
}
