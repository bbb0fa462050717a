/** Work that gives up its thread after each bounded part of it. */
export type Slices<T> = Generator<void, T, void>;

/** Runs sliced work without giving others a turn. */
export function runThrough<T>(work: Slices<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}
