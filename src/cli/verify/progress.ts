import cliProgress from 'cli-progress';
import type { Io } from '../context.js';
import { formatCount, formatShare } from '../format.js';

/** Tells on standard error how far a verification is. */
export interface VerifyProgress {
  at(done: number, total: number): void;
  stop(): void;
}

/** A bar on a terminal, else a plain line now and then. */
export function createVerifyProgress(io: Io): VerifyProgress {
  return io.stderr.isTTY === true ? barProgress(io) : lineProgress(io);
}

const linesEveryMs = 5_000;

function lineProgress({ stderr }: Io): VerifyProgress {
  let lastMs = performance.now();
  return {
    at(done, total) {
      if (performance.now() - lastMs < linesEveryMs) return;
      lastMs = performance.now();
      stderr.write(`${formatCount(done)} of ${formatCount(total)} records, ${formatShare(done, total)}\n`);
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
  let started = false;
  return {
    at(done, total) {
      if (!started) bar.start(total, done);
      started = true;
      bar.setTotal(total);
      bar.update(done);
    },
    stop() {
      if (started) bar.stop();
    },
  };
}
