import pino, { type Logger, stdSerializers } from 'pino';
import { escapeJson } from '../../model/index.js';
import type { Io } from '../io.js';

/** Creates a logger of JSON lines on standard error. Characters that act on a terminal are escaped. */
export function createLogger({ stderr }: Pick<Io, 'stderr'>, level: string): Logger {
  return pino(
    { level, serializers: { err: stdSerializers.errWithCause } },
    { write: (lines) => void stderr.write(escapeJson(lines)) },
  );
}
