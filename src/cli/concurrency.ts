/**
 * Limits concurrent jobs by number and by weight. A job heavier than the limit runs alone. One producer waits
 * at a time.
 */
export class WeightedSemaphore {
  private count = 0;
  private weight = 0;
  private wake: (() => void) | undefined;

  constructor(
    private readonly countMax: number,
    private readonly weightMax: number,
  ) {}

  /** Resolves when there is room, and takes it. */
  async enter(weight: number): Promise<void> {
    while (this.count > 0 && (this.count >= this.countMax || this.weight + weight > this.weightMax)) {
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
    this.count++;
    this.weight += weight;
  }

  leave(weight: number): void {
    this.count--;
    this.weight -= weight;
    this.wake?.();
  }
}

export interface Ahead<T> {
  /** Limit of the jobs under way or waiting to be taken. */
  readonly countMax: number;
  /** Limit of their weight together; a heavier job runs alone. */
  readonly weightMax: number;
  readonly weigh: (item: T) => number;
}

/** Runs a bounded number of jobs ahead of the reader, and yields their results in the order of the items. */
export async function* mapOrdered<T, R>(
  items: AsyncIterable<T>,
  { countMax, weightMax, weigh }: Ahead<T>,
  job: (item: T) => Promise<R>,
): AsyncGenerator<R, void, void> {
  const window: { readonly weight: number; readonly result: Promise<R> }[] = [];
  let weightOfWindow = 0;
  const take = () => {
    const first = window.shift()!;
    weightOfWindow -= first.weight;
    return first.result;
  };
  for await (const item of items) {
    const weight = weigh(item);
    while (window.length > 0 && (window.length >= countMax || weightOfWindow + weight > weightMax)) {
      yield await take();
    }
    const result = job(item);
    // The error is thrown when the result is taken; if nobody takes it, it is ignored.
    result.catch(() => undefined);
    window.push({ weight, result });
    weightOfWindow += weight;
  }
  while (window.length > 0) yield await take();
}

/**
 * Reads items while the reader works on those before, until those that wait weigh as much as the limit. If
 * the reader stops early, so does the source, after the item that it is about to give.
 */
export async function* readAhead<T>(
  items: AsyncIterable<T>,
  { weightMax, weigh }: Pick<Ahead<T>, 'weightMax' | 'weigh'>,
): AsyncGenerator<T, void, void> {
  const waiting: T[] = [];
  let weight = 0;
  let state: 'reading' | 'ended' | 'stopped' = 'reading';
  let wakeReader: (() => void) | undefined;
  let wakeSource: (() => void) | undefined;
  const read = async () => {
    for await (const item of items) {
      if (state === 'stopped') return;
      waiting.push(item);
      weight += weigh(item);
      wakeReader?.();
      while (weight >= weightMax && state === 'reading')
        await new Promise<void>((resolve) => (wakeSource = resolve));
    }
  };
  const source = read().finally(() => {
    state = 'ended';
    wakeReader?.();
  });
  // The error is thrown when what came before it is taken; if nobody takes that, it is ignored.
  source.catch(() => undefined);
  try {
    for (;;) {
      while (waiting.length === 0 && state === 'reading')
        await new Promise<void>((resolve) => (wakeReader = resolve));
      if (waiting.length === 0) return await source;
      const item = waiting.shift()!;
      weight -= weigh(item);
      wakeSource?.();
      yield item;
    }
  } finally {
    if (state === 'reading') state = 'stopped';
    wakeSource?.();
  }
}
