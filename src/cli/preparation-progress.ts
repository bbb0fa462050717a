import cliProgress from 'cli-progress';
import type { Preparation } from '../client/index.js';
import type { Io } from './context.js';
import { formatCount, formatShare } from './format.js';

/** Tells on standard error how far the work before a plan is. */
export interface PreparationProgress {
  at(step: Preparation): void;
  stop(): void;
}

/** A bar on a terminal, else a plain line now and then. Training has a line of its own: nobody knows how long it takes. */
export function createPreparationProgress(io: Io): PreparationProgress {
  return io.stderr.isTTY === true ? barProgress(io) : lineProgress(io);
}

const linesEveryMs = 5_000;
const words = {
  checking: 'checking',
  sampling: 'reading a sample',
  training: '',
  unknown: 'preparing',
} as const;

function trainingLine({ total }: Preparation): string {
  return `training a registry on ${formatCount(total)} tokens ...\n`;
}

function lineProgress({ stderr }: Io): PreparationProgress {
  let lastMs = performance.now();
  return {
    at(step) {
      const { phase, done, total } = step;
      if (phase === 'training') stderr.write(trainingLine(step));
      else if (performance.now() - lastMs >= linesEveryMs) {
        lastMs = performance.now();
        stderr.write(
          `${words[phase]}: ${formatCount(done)} of ${formatCount(total)}, ${formatShare(done, total)}\n`,
        );
      }
    },
    stop: () => undefined,
  };
}

function barProgress({ stderr }: Io): PreparationProgress {
  const bar = new cliProgress.SingleBar(
    {
      stream: stderr,
      format: '{bar} {percentage} % · {what}',
      hideCursor: true,
      fps: 5,
      clearOnComplete: true,
    },
    cliProgress.Presets.shades_classic,
  );
  let started: Preparation['phase'] | undefined;
  const stop = () => {
    if (started !== undefined) bar.stop();
    started = undefined;
  };
  return {
    at(step) {
      const { phase, done, total } = step;
      if (started !== phase) stop();
      if (phase === 'training') stderr.write(trainingLine(step));
      else if (started === undefined) bar.start(total, done, { what: words[phase] });
      else bar.update(done);
      started = phase === 'training' ? undefined : phase;
    },
    stop,
  };
}
