/** Counts of events in rounds, by name. */
export class Summary {
  readonly counts = new Map<string, number>();

  count(what: string, times = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + times);
  }

  /** Returns a table, one line for each. */
  lines(): string[] {
    const rows = [...this.counts].sort(([one], [other]) => one.localeCompare(other));
    const width = Math.max(0, ...rows.map(([what]) => what.length));
    return rows.map(([what, times]) => `${what.padEnd(width)}  ${String(times).padStart(9)}`);
  }
}
