/**
 * Bounds what is under way: so many jobs, and so much weight. A job heavier than the bound runs alone.
 * One producer waits at a time.
 */
export class Gate {
  private count = 0;
  private weight = 0;
  private wake: (() => void) | undefined;

  constructor(
    private readonly countMax: number,
    private readonly weightMax: number,
  ) {}

  /** Resolves when there is room, which is then taken. */
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
