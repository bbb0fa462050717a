import { readFileSync } from 'node:fs';

/**
 * Returns a process and all that it has started, itself first, without those that have just ended. Requires
 * /proc.
 */
export function processTree(pid: number): number[] {
  const children = startedBy(pid);
  return children === undefined ? [] : [pid, ...children.flatMap(processTree)];
}

/** Returns the processes that a process has started, without those that have just ended. Requires /proc. */
export function childrenOf(pid: number): number[] {
  return startedBy(pid) ?? [];
}

/** Returns undefined if the process has ended. Node starts processes from its main thread. */
function startedBy(pid: number): number[] | undefined {
  return read(`/proc/${pid}/task/${pid}/children`)?.split(' ').filter(Boolean).map(Number);
}

/** Memory of some processes together, in bytes. */
export interface Memory {
  /** Resident memory, with shared memory counted once; and the part of it that maps no file. */
  readonly residentBytes: number;
  readonly ownBytes: number;
  /** Sum of each process's peak, with shared memory counted for each. */
  readonly peakBytes: number;
}

export function memoryOf(pids: readonly number[]): Memory {
  const sum = (file: string, field: string) =>
    pids
      .map((pid) => read(`/proc/${pid}/${file}`) ?? '')
      .map((text) => Number(new RegExp(`^${field}:\\s*(\\d+) kB`, 'm').exec(text)?.[1] ?? 0))
      .reduce((bytes, kilobytes) => bytes + 1024 * kilobytes, 0);
  return {
    residentBytes: sum('smaps_rollup', 'Pss'),
    ownBytes: sum('smaps_rollup', 'Pss_Anon'),
    peakBytes: sum('status', 'VmHWM'),
  };
}

/** Ticks of /proc/PID/stat per second, which Linux fixes for programs. */
const ticksPerSecond = 100;

/** Returns the processor time that processes have used so far, in user code and in the kernel. */
export function cpuSeconds(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    // The second field is a name in parentheses, which may have any characters.
    const fields =
      read(`/proc/${pid}/stat`)
        ?.replace(/^.*\) /s, '')
        .split(' ') ?? [];
    ticks += Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  }
  return ticks / ticksPerSecond;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined; // It has ended.
  }
}
