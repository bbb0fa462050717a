import { createRequire } from 'node:module';
import type * as CliProgress from 'cli-progress';
import type { Preparation, VerifyPart } from '../client/index.js';
import { formatCount, formatShare } from './format.js';
import { type Io, progressEveryMs } from './io.js';

const require = createRequire(import.meta.url);
const framesPerSecond = 5;

/**
 * Creates a progress bar on a terminal. While it runs, it hides the cursor and keeps lines from wrapping;
 * stop() undoes that.
 */
export function createBar({ stderr }: Io, format: string): CliProgress.SingleBar {
  // A command without a terminal does not wait for what draws bars.
  const { SingleBar: Bar, Presets } = require('cli-progress') as typeof CliProgress;
  return new Bar(
    // The interruption of a command stops its bar: see interruption.ts.
    {
      stream: stderr,
      format,
      hideCursor: true,
      fps: framesPerSecond,
      clearOnComplete: true,
      gracefulExit: false,
    },
    Presets.shades_classic,
  );
}

/**
 * Undoes the changes of a bar in a terminal: the cursor is visible, lines wrap, and the bar's own line is
 * empty.
 */
export const restoredTerminal = '\x1b[?25h\x1b[?7h\r\x1b[K';

/** Reports on standard error the progress of work that is done in phases. */
export interface PhaseProgress<S extends Step> {
  at(step: S): void;
  stop(): void;
}

interface Step {
  readonly phase: string;
  readonly done: number;
  readonly total: number;
}

interface Words<S extends Step> {
  /** Line shown instead for a phase whose duration is unknown. */
  readonly instead: (step: S) => string | undefined;
  /** A plain line. */
  readonly line: (step: S) => string;
  /** Format of the text beside the bar, for cli-progress; {phase} is `phase()`. */
  readonly besideBar: string;
  readonly phase: (step: S) => string;
}

/** Creates the progress of the preparation of a plan. */
export function createPreparationProgress(io: Io): PhaseProgress<Preparation> {
  const phases = { checking: 'checking', sampling: 'reading a sample', training: '', unknown: 'preparing' };
  return createPhaseProgress(io, {
    instead: ({ phase, total }) =>
      phase === 'training' ? `training a registry on ${formatCount(total)} tokens ...` : undefined,
    line: ({ phase, done, total }) =>
      `${phases[phase]}: ${formatCount(done)} of ${formatCount(total)}, ${formatShare(done, total)}`,
    besideBar: '{phase}',
    phase: ({ phase }) => phases[phase],
  });
}

type VerifyStep = Pick<Extract<VerifyPart, { kind: 'progress' }>, 'phase' | 'done' | 'total'>;

/** Creates the progress of a verification. */
export function createVerifyProgress(io: Io): PhaseProgress<VerifyStep> {
  return createPhaseProgress(io, {
    instead: ({ phase }) =>
      phase === 'rebuilding' ? 'repairing; other calls wait until that is done' : undefined,
    line: ({ done, total }) =>
      `${formatCount(done)} of ${formatCount(total)} records, ${formatShare(done, total)}`,
    besideBar: '{value} of {total} records · {eta_formatted} left',
    phase: ({ phase }) => phase,
  });
}

interface CopyStep extends Step {
  /** Number of the pass over the source, from 1 on. */
  readonly pass: number;
}

/** Creates the progress of a copy. */
export function createCopyProgress(io: Io): PhaseProgress<CopyStep> {
  return createPhaseProgress(io, {
    instead: () => undefined,
    line: ({ phase, pass, done, total }) =>
      `${phase}, pass ${pass}: ${formatCount(done)} of ${formatCount(total)}, ${formatShare(done, total)}`,
    besideBar: '{phase} {value} of {total} conversations · {eta_formatted} left',
    phase: ({ phase }) => phase,
  });
}

/** Creates a bar on a terminal, otherwise a plain line now and then. */
function createPhaseProgress<S extends Step>(io: Io, words: Words<S>): PhaseProgress<S> {
  return io.stderr.isTTY === true ? barProgress(io, words) : lineProgress(io, words);
}

function lineProgress<S extends Step>(io: Io, { instead, line }: Words<S>): PhaseProgress<S> {
  let lastMs = performance.now();
  return {
    at(step) {
      const other = instead(step);
      if (other !== undefined) return void io.stderr.write(`${other}\n`);
      if (performance.now() - lastMs < progressEveryMs(io)) return;
      lastMs = performance.now();
      io.stderr.write(`${line(step)}\n`);
    },
    stop: () => undefined,
  };
}

function barProgress<S extends Step>(io: Io, words: Words<S>): PhaseProgress<S> {
  const bar = createBar(io, `{bar} {percentage} % · ${words.besideBar}`);
  let started: string | undefined;
  const stop = () => {
    if (started !== undefined) bar.stop();
    started = undefined;
  };
  return {
    at(step) {
      const { phase, done, total } = step;
      if (started !== phase) stop();
      const other = words.instead(step);
      if (other !== undefined) return void io.stderr.write(`${other}\n`);
      if (started === undefined) bar.start(total, done, { phase: words.phase(step) });
      started = phase;
      bar.setTotal(total);
      bar.update(done);
    },
    stop,
  };
}
