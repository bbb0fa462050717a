import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { limits, countOf } from '../model/index.js';
import { type Examined, type Finding, ok, problem, sizeText, warning } from './finding.js';

/** Facts of the machine; another machine's in tests. */
export interface Machine {
  readonly nodeVersion: string;
  readonly platform: string;
  readonly processors: number;
  /** Memory that the process may take: the machine's, or its control group's. */
  readonly memoryBytes: number;
  /** Limits of the process by the names of /proc/self/limits; Infinity: unlimited. */
  readonly limits: Readonly<Record<string, number>>;
  /** Limit of the parts of memory that a process may map; Infinity if unknown. */
  readonly mapsMax: number;
}

/** Oldest version of Node that is tested. */
const nodeMin = [20, 15] as const;
const memoryWantedBytes = 1024 * 2 ** 20;
/** Descriptors and mapped regions of an open vault: measured with lmdb, rounded up. */
const descriptorsPerVault = 4;
const mapsPerVault = 6;

/** Reads the facts of this machine. */
export function thisMachine(memoryBytes: number): Machine {
  return {
    nodeVersion: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    processors: availableParallelism(),
    memoryBytes,
    limits: Object.fromEntries(
      [...(read('/proc/self/limits') ?? '').matchAll(/^(Max [a-z ]+?) {2,}(\S+)/gm)].map(([, name, soft]) => [
        name!,
        soft === 'unlimited' ? Infinity : Number(soft),
      ]),
    ),
    mapsMax: Number(read('/proc/sys/vm/max_map_count') ?? Infinity),
  };
}

/** Checks what the machine gives to a server with these settings. */
export function examineMachine(machine: Machine, examined: Examined): Finding[] {
  return [
    node(machine),
    processors(machine, examined),
    memory(machine, examined),
    openFiles(machine, examined),
    maps(machine, examined),
    ...fileSizes(machine),
  ];
}

function node({ nodeVersion, platform }: Machine): Finding {
  const [major = 0, minor = 0] = nodeVersion.split('.').map(Number);
  const isOld = major < nodeMin[0] || (major === nodeMin[0] && minor < nodeMin[1]);
  const message = `Node ${nodeVersion} on ${platform}`;
  return isOld ? problem('node', message, `install Node ${nodeMin.join('.')} or later`) : ok('node', message);
}

function processors({ processors: count }: Machine, { workers }: Examined): Finding {
  const message = `${count} processors for ${workers} ${workers === 1 ? 'process' : 'workers'}`;
  if (workers <= count) return ok('processors', message);
  return warning('processors', message, `give --workers ${count} at most`);
}

function memory({ memoryBytes }: Machine, { intakeBytes }: Examined): Finding {
  const message = `${sizeText(memoryBytes)} of memory, ${sizeText(intakeBytes)} of it for requests`;
  if (memoryBytes < memoryWantedBytes)
    return warning('memory', message, `give it ${sizeText(memoryWantedBytes)}, or expect OVERLOADED`);
  if (intakeBytes > memoryBytes / 2)
    return warning('memory', message, 'give --intake-bytes less than half of the memory');
  return ok('memory', message);
}

function openFiles({ limits: given }: Machine, { openVaults, workers }: Examined): Finding {
  const max = given['Max open files'] ?? Infinity;
  const wanted = limits.descriptorsWanted + openVaults * descriptorsPerVault;
  const message = `${countOf(max, 'open file')} for ${countOf(openVaults, 'open vault')} and the connections of ${workers === 1 ? 'one process' : `${workers} processes`}`;
  const mend = `raise the limit to ${wanted} or more: ulimit -n ${wanted}, LimitNOFILE=${wanted} in a systemd unit`;
  if (max <= limits.descriptorsKept) return problem('open files', message, mend);
  return max < wanted ? warning('open files', message, mend) : ok('open files', message);
}

function maps({ mapsMax }: Machine, { openVaults }: Examined): Finding {
  const wanted = limits.descriptorsWanted * 4 + openVaults * mapsPerVault;
  const message = `${mapsMax} mapped regions for ${countOf(openVaults, 'open vault')}`;
  if (mapsMax >= wanted) return ok('mappings', message);
  return warning('mappings', message, `sysctl -w vm.max_map_count=${wanted}, or fewer --open-vaults`);
}

/** Limits that end a server when its file grows, long after the start. */
function fileSizes({ limits: given }: Machine): Finding[] {
  const names = { 'Max file size': 'ulimit -f unlimited', 'Max address space': 'ulimit -v unlimited' };
  return Object.entries(names)
    .filter(([name]) => (given[name] ?? Infinity) !== Infinity)
    .map(([name, mend]) =>
      problem('limits', `${name} is ${sizeText(given[name]!)}: a vault's file cannot grow above it`, mend),
    );
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
