import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import { limits } from '../model/index.js';

/**
 * Returns how many connections the process may have besides the files that it must be able to open. Logs a
 * warning if those are few. Node itself has raised the limit as far as it may.
 * @throws Error if there is no room for connections
 */
export function connectionsWithinDescriptors(logger: Logger, descriptorsMax = openFilesMax()): number {
  const { descriptorsKept, descriptorsWanted, connectionsMax } = limits;
  const connections = Math.min(connectionsMax, descriptorsMax - descriptorsKept);
  if (connections <= 0) {
    throw new Error(
      `the process may have ${descriptorsMax} open files, and the server needs more than ${descriptorsKept}, and one ` +
        `for each connection: raise the limit (ulimit -n ${descriptorsWanted})`,
    );
  }
  if (descriptorsMax < descriptorsWanted) {
    logger.warn(
      { open_files_max: descriptorsMax, wanted: descriptorsWanted, connections_max: connections },
      `the process may have few open files: no more than ${connections} connections are taken ` +
        `(ulimit -n ${descriptorsWanted} raises the limit)`,
    );
  }
  return connections;
}

/** Returns the process's limit of open files; Infinity if the system does not report it. */
function openFilesMax(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? Infinity : Number(soft);
  } catch {
    return Infinity;
  }
}
