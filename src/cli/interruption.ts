import { constants } from 'node:os';
import { restoredTerminal } from './progress.js';
import type { Io } from './io.js';

const stopSignals = ['SIGINT', 'SIGTERM'] as const;
type StopSignal = (typeof stopSignals)[number];

/**
 * Ctrl-C (SIGINT) and SIGTERM while a command works. The first one aborts: calls to the server end, files that are
 * half written are removed, the progress bar stops, and the command says what was done. The second one ends the
 * process at once.
 */
export class Interruption {
  private readonly controller = new AbortController();
  private caught: StopSignal | undefined;
  private describe: (() => string) | undefined;

  constructor(private readonly stderr: Io['stderr']) {}

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** 128 and the signal's number, as shells have it: 130 or 143. Undefined if none came. */
  get exitCode(): number | undefined {
    return this.caught && exitCodeOf(this.caught);
  }

  /** Sets the words for what was done so far. They are asked for when the command has stopped. */
  onInterrupt(describe: () => string): void {
    this.describe = describe;
  }

  /** What was done before the signal came, on one line. */
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
