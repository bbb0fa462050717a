/** Turn of a task of a window. */
export interface Turn {
  /** Resolves when every earlier task has had its turn. */
  readonly begun: Promise<void>;
  /** Lets the next task have its turn. Does nothing when called again. */
  end(): void;
}

/** Runs a bounded number of tasks at once, each with a turn in the order in which they began. */
export class Window {
  readonly #running = new Set<Promise<void>>();
  #last: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;

  constructor(private readonly tasksMax: number) {}

  /** Starts a task when there is room. Rejects as an earlier task did. */
  async run(task: (turn: Turn) => Promise<void>): Promise<void> {
    while (this.#running.size >= this.tasksMax) await Promise.race(this.#running);
    this.#throwFailure();
    const turn = this.#turn();
    const running = task(turn)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        turn.end();
        this.#running.delete(running);
      });
    this.#running.add(running);
  }

  /** Resolves when all tasks have ended. Rejects as one of them did. */
  async idle(): Promise<void> {
    await Promise.all(this.#running);
    this.#throwFailure();
  }

  #turn(): Turn {
    const begun = this.#last;
    let end = (): void => {};
    const ended = new Promise<void>((resolve) => (end = resolve));
    this.#last = begun.then(() => ended);
    return { begun, end };
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure.error;
  }
}
