import pino, { type Logger } from 'pino';
import { escapeJson } from '../model/index.js';
import type { Io } from './context.js';

/** Writes JSON lines to standard error. Characters that act on a terminal are escaped in them. */
export function createLogger({ stderr }: Pick<Io, 'stderr'>, level: string): Logger {
  return pino({ level }, { write: (lines) => void stderr.write(escapeJson(lines)) });
}
