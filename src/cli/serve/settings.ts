import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { isLoopbackHost, limits } from '../../model/index.js';
import { UsageError } from '../context.js';
import { describeProblem, readConfigFile } from './config-file.js';
import { storageKinds, type ServeOptions, type SettingName, settings, type Settings } from './options.js';
import { accessOf, checkSafe, tlsOf } from './security.js';

/** Name of the audit log in a data folder. */
const auditFile = 'audit.jsonl';

const names = Object.keys(settings) as SettingName[];

/** Values of one source, and the source's names of them. */
interface Source {
  readonly values: Readonly<Record<string, unknown>>;
  readonly nameOf: (name: SettingName) => string;
}

export const environmentName = (name: SettingName): string =>
  `STOWKEN_${name.replaceAll('-', '_').toUpperCase()}`;

/**
 * Reads settings: options, then the environment, then the config file, then defaults. A UsageError names the
 * source of a wrong value.
 */
export function readSettings(
  flags: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string | undefined>>,
): Settings {
  const configFile = (flags['config'] as string | undefined) ?? env['STOWKEN_CONFIG'];
  const sources: Source[] = [
    { values: flagValues(flags), nameOf: (name) => `--${name}` },
    { values: environmentValues(env), nameOf: environmentName },
    ...(configFile === undefined ? [] : [fileSource(configFile)]),
  ];
  const chosen = names.map((name) => {
    const source = sources.find(({ values }) => values[name] !== undefined);
    if (source === undefined) return [name, settings[name].initial];
    const result = settings[name].schema.safeParse(source.values[name]);
    if (result.success) return [name, result.data];
    throw new UsageError(`${source.nameOf(name)}: ${result.error.issues[0]!.message}`);
  });
  return Object.fromEntries(chosen) as Settings;
}

function flagValues(flags: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const camelCase = (name: string) => name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
  return Object.fromEntries(names.map((name) => [name, flags[camelCase(name)]]));
}

function environmentValues(env: Readonly<Record<string, string | undefined>>): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, env[environmentName(name)] || undefined]));
}

/** @throws UsageError with the first problem of the file */
function fileSource(file: string): Source {
  const { values, lines, problems } = readConfigFile(file);
  const [problem] = problems;
  if (problem !== undefined) throw new UsageError(describeProblem(file, problem));
  return { values, nameOf: (name) => `${file}:${lines[name]}: ${name}` };
}

/**
 * Checks the settings. @throws UsageError for an address that others can reach, unless that is safe or
 * allowed
 */
export function toServeOptions(chosen: Settings): ServeOptions {
  const tls = tlsOf(chosen);
  const access = accessOf(chosen);
  for (const address of [chosen.listen, chosen.http])
    if (address !== undefined && !chosen['insecure-bind'] && !isLoopback(address))
      checkSafe(address, tls, access);
  const { storage, database } = storageOf(chosen);
  if (chosen.workers > 1 && storage !== 'lmdb' && database === undefined) {
    const why = `a ${storage} vault is one process's`;
    throw new UsageError(`${chosen.workers} workers need --storage lmdb, or a database: ${why}`);
  }
  return {
    dataDir: chosen.data,
    listen: chosen.listen,
    storage,
    database,
    durability: chosen.durability,
    workers: chosen.workers,
    openVaults: chosen['open-vaults'],
    logLevel: chosen['log-level'],
    autoCompact: chosen['auto-compact'],
    checkIntervalMs: chosen['check-interval'] * 1000,
    sweepIntervalMs: chosen['sweep-interval'] * 1000,
    sweepWindow: chosen['sweep-window'],
    giveBackIntervalMs: chosen['give-back-interval'] * 1000,
    prefixIndex: chosen['prefix-index'] === 'on',
    drainTimeoutMs: chosen['drain-timeout'] * 1000,
    intakeBytes: chosen['intake-bytes'] === 'auto' ? defaultIntakeBytes() : chosen['intake-bytes'],
    readOnly: chosen['read-only'],
    caller: {
      calls: chosen['caller-calls'],
      uploads: chosen['caller-uploads'],
      rate: chosen['caller-rate'],
      burst: chosen['caller-burst'] || 2 * chosen['caller-rate'],
    },
    audit: auditOf(chosen),
    minFreeDiskBytes: chosen['min-free-disk'],
    requestIdleMs: chosen['request-idle-timeout'] * 1000,
    connectionIdleMs: chosen['connection-idle-timeout'] * 1000,
    tls,
    access,
    metrics: chosen.metrics,
    http: httpOf(chosen),
    slowCallMs: chosen['slow-call-ms'],
    tokenizers: chosen.tokenizer ?? [],
  };
}

/** Returns the settings of the page. @throws UsageError for names without an address */
function httpOf({ http: listen, 'http-host': hosts = [] }: Settings): ServeOptions['http'] {
  if (listen === undefined && hosts.length > 0) throw new UsageError('--http-host needs --http: the address');
  return listen === undefined ? undefined : { listen, hosts };
}

/** Returns the kind of the storage, and the URL of the database that it is in, if it is in one. */
function storageOf({ storage }: Settings): Pick<ServeOptions, 'storage' | 'database'> {
  const kind = storageKinds.find((each) => each === storage);
  return kind ? { storage: kind, database: undefined } : { storage: 'postgres', database: storage };
}

/** Returns where the audit log is kept: in the data folder, if there is one, unless another file is named. */
function auditOf(chosen: Settings): ServeOptions['audit'] {
  const { 'audit-log': named, 'audit-log-size': size, 'audit-log-files': filesMax } = chosen;
  const { storage } = storageOf(chosen);
  const hasFolder = storage === 'lmdb' || storage === 'filesystem';
  if (named === 'off' || (named === undefined && !hasFolder)) return undefined;
  const bytesMax = size === 'auto' ? limits.auditFileBytesDefault : size;
  return { file: named ?? join(chosen.data, auditFile), bytesMax, filesMax };
}

function isLoopback(listen: string): boolean {
  if (listen.startsWith('unix:')) return true;
  return isLoopbackHost(listen.slice(0, listen.lastIndexOf(':')));
}

/** Divisor of the memory that requests may take by default. */
const intakePart = 4;

/**
 * Returns the memory that requests may take by default: a quarter of the machine's memory, or of the control
 * group's if that is less.
 */
export function defaultIntakeBytes(): number {
  return Math.floor(machineMemoryBytes() / intakePart);
}

/** Returns the memory of the machine, or of the process's control group if that is less. */
export function machineMemoryBytes(): number {
  return Math.min(totalmem(), groupMemoryBytes('/'));
}

/**
 * Returns the memory limit of the process's control group and of its ancestors, in version 2 or 1; Infinity
 * without one. `root` is the folder that has proc and sys.
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

/**
 * Returns the limits of all groups around its own, which bind a process too. In a container only the
 * outermost may be visible.
 */
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
