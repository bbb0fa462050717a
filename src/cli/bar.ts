import cliProgress from 'cli-progress';
import type { Io } from './io.js';

const framesPerSecond = 5;

/** A progress bar on a terminal. While it runs, it hides the cursor and keeps lines from wrapping; stop() undoes that. */
export function createBar({ stderr }: Io, format: string): cliProgress.SingleBar {
  return new cliProgress.SingleBar(
    // The interruption of a command stops its bar: see interruption.ts.
    {
      stream: stderr,
      format,
      hideCursor: true,
      fps: framesPerSecond,
      clearOnComplete: true,
      gracefulExit: false,
    },
    cliProgress.Presets.shades_classic,
  );
}

/** What a bar changes in a terminal, undone: the cursor is seen, lines wrap, and the bar's own line is empty. */
export const restoredTerminal = '\x1b[?25h\x1b[?7h\r\x1b[K';
