import { execFileSync } from 'node:child_process';

/** Returns the pids of a process's children that have not ended. */
export function childrenOf(pid: number): number[] {
  try {
    const found = execFileSync('pgrep', ['-P', String(pid)]).toString();
    return found.trim().split('\n').map(Number);
  } catch (error) {
    // pgrep's exit code means that there are none.
    if ((error as { status?: number }).status === 1) return [];
    throw error;
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Sends a signal to a process that may have ended meanwhile. */
export function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
