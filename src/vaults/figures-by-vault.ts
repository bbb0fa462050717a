/** Figures of work on vaults, by the vault's name, from its first work on. */
export class FiguresByVault<T extends object> {
  readonly #figures = new Map<string, T>();

  constructor(private readonly none: () => T) {}

  get all(): ReadonlyMap<string, Readonly<T>> {
    return this.#figures;
  }

  /** Returns the figures of a vault, to be changed. */
  of(name: string): T {
    let figures = this.#figures.get(name);
    if (!figures) this.#figures.set(name, (figures = this.none()));
    return figures;
  }

  forget(name: string): void {
    this.#figures.delete(name);
  }
}
