import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { dirname, join } from 'node:path';

/** Part of the memory that requests may take when nobody says how much. */
const intakePart = 4;

/** Bytes that requests may take by default: a quarter of the machine's memory, or of the control group's if that has less. */
export function defaultIntakeBytes(): number {
  return Math.floor(Math.min(totalmem(), groupMemoryBytes('/')) / intakePart);
}

/**
 * The memory limit of the process's control group and of those around it, in version 2 or 1; Infinity without one.
 * `root` is the folder that has proc and sys.
 */
export function groupMemoryBytes(root: string): number {
  const lines = read(join(root, 'proc/self/cgroup'))?.split('\n') ?? [];
  const bounds = lines.flatMap((line) => {
    const [, controllers = '', path = '/'] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === '') return boundsUpwards(join(root, 'sys/fs/cgroup'), path, 'memory.max');
    if (!controllers.split(',').includes('memory')) return [];
    return boundsUpwards(join(root, 'sys/fs/cgroup/memory'), path, 'memory.limit_in_bytes');
  });
  return Math.min(Infinity, ...bounds);
}

/** A process is held to the limits of all groups around its own. In a container only the outermost may be visible. */
function boundsUpwards(mount: string, path: string, file: string): number[] {
  const bounds: number[] = [];
  for (let group = join('/', path); ; group = dirname(group)) {
    const text = read(join(mount, group, file))?.trim();
    if (text !== undefined && /^\d+$/.test(text)) bounds.push(Number(text));
    if (group === '/') return bounds;
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
