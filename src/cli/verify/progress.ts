import cliProgress from 'cli-progress';
import type { VerifyPart } from '../../client/index.js';
import type { Io } from '../context.js';
import { formatCount, formatShare } from '../format.js';

type Step = Pick<Extract<VerifyPart, { kind: 'progress' }>, 'phase' | 'done' | 'total'>;

/** Tells on standard error how far a verification is. */
export interface VerifyProgress {
  at(step: Step): void;
  stop(): void;
}

/** A bar on a terminal, else a plain line now and then. */
export function createVerifyProgress(io: Io): VerifyProgress {
  return io.stderr.isTTY === true ? barProgress(io) : lineProgress(io);
}

const rebuilding = 'repairing; other calls wait until that is done';
const linesEveryMs = 5_000;

function lineProgress({ stderr }: Io): VerifyProgress {
  let lastMs = performance.now();
  return {
    at({ phase, done, total }) {
      if (phase === 'rebuilding') stderr.write(`${rebuilding}\n`);
      else {
        if (performance.now() - lastMs < linesEveryMs) return;
        lastMs = performance.now();
        stderr.write(`${formatCount(done)} of ${formatCount(total)} records, ${formatShare(done, total)}\n`);
      }
    },
    stop: () => undefined,
  };
}

function barProgress({ stderr }: Io): VerifyProgress {
  const bar = new cliProgress.SingleBar(
    {
      stream: stderr,
      format: '{bar} {percentage} % · {value} of {total} records · {eta_formatted} left',
      hideCursor: true,
      fps: 5,
      clearOnComplete: true,
    },
    cliProgress.Presets.shades_classic,
  );
  let started: Step['phase'] | undefined;
  const stop = () => {
    if (started !== undefined) bar.stop();
    started = undefined;
  };
  return {
    at({ phase, done, total }) {
      if (phase === 'rebuilding') {
        stop();
        stderr.write(`${rebuilding}\n`);
        return;
      }
      if (started !== phase) {
        stop();
        bar.start(total, done);
      }
      started = phase;
      bar.setTotal(total);
      bar.update(done);
    },
    stop,
  };
}
