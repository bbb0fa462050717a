import { constants } from 'node:os';
import { restoredTerminal } from './progress.js';
import type { Io } from './io.js';

const stopSignals = ['SIGINT', 'SIGTERM'] as const;
type StopSignal = (typeof stopSignals)[number];

/**
 * Ctrl-C (SIGINT) and SIGTERM while a command works. The first one aborts: calls to the server end,
 * incomplete files are removed, the progress bar stops, and the command reports its work so far. The second
 * one ends the process at once.
 */
export class Interruption {
  private readonly controller = new AbortController();
  private caught: StopSignal | undefined;
  private describe: (() => string) | undefined;

  constructor(private readonly stderr: Io['stderr']) {}

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Exit code as in shells: 128 plus the signal's number, 130 or 143. Undefined if there was none. */
  get exitCode(): number | undefined {
    return this.caught && exitCodeOf(this.caught);
  }

  /** Sets the description of the work so far. It is called when the command has stopped. */
  onInterrupt(describe: () => string): void {
    this.describe = describe;
  }

  /** Returns the work done before the signal, on one line. */
  sentence(): string {
    return ['interrupted', ...(this.describe ? [this.describe()] : [])].join(': ');
  }

  listen(): void {
    for (const signal of stopSignals) process.on(signal, this.take);
  }

  unlisten(): void {
    for (const signal of stopSignals) process.off(signal, this.take);
  }

  private readonly take = (signal: StopSignal): void => {
    if (this.caught !== undefined) {
      if (this.stderr.isTTY === true) this.stderr.write(restoredTerminal);
      process.exit(exitCodeOf(signal));
    }
    this.caught = signal;
    this.controller.abort();
  };
}

function exitCodeOf(signal: StopSignal): number {
  return 128 + constants.signals[signal];
}
