import { createBar } from '../bar.js';
import { progressEveryMs, type Io } from '../io.js';
import { formatCount, formatRate, formatShare, plural } from '../format.js';
import type { Tally } from './tally.js';

/** Tells on standard error how far an import is. */
export interface Progress {
  /** Bytes of the files that have been read, as they are on disk. */
  advance(bytes: number): void;
  /** A line that stays. */
  note(text: string): void;
  stop(): void;
}

/** A bar on a terminal, else a plain line now and then. `bytesTotal` is 0 when it is not known. */
export function createProgress(io: Io, bytesTotal: number, tally: Tally): Progress {
  return io.stderr.isTTY === true && bytesTotal > 0
    ? barProgress(io, bytesTotal, tally)
    : lineProgress(io, bytesTotal, tally);
}

function lineProgress(io: Io, bytesTotal: number, tally: Tally): Progress {
  let bytes = 0;
  const print = () => {
    const share = bytesTotal > 0 ? `, ${formatShare(bytes, bytesTotal)} read` : '';
    io.stderr.write(`${plural(tally.done, 'conversation')}${share}\n`);
  };
  const timer = setInterval(print, progressEveryMs(io));
  return {
    advance: (more) => void (bytes += more),
    note: (text) => void io.stderr.write(`${text}\n`),
    stop: () => clearInterval(timer),
  };
}

function barProgress(io: Io, bytesTotal: number, tally: Tally): Progress {
  const bar = createBar(
    io,
    '{bar} {percentage} % · {conversations} conversations · {rate} tokens/s · {eta_formatted} left',
  );
  const figures = () => ({
    conversations: formatCount(tally.done),
    rate: formatRate(tally.tokens, tally.elapsedMs),
  });
  bar.start(bytesTotal, 0, figures());
  return {
    advance: (bytes) => bar.increment(bytes, figures()),
    note: (text) => void io.stderr.write(`\r\x1b[K${text}\n`),
    stop: () => bar.stop(),
  };
}
