import { open, readFile, rename } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { UsageError } from '../context.js';

/** Name of the checkpoint in the folder of an export that is under way. */
export const checkpointName = 'export.partial';
const version = 1;

/** A file of an export: its temporary name without the suffix, the name that it gets, its size. */
export interface CheckpointFile {
  readonly name: string;
  readonly target: string;
  readonly bytes: number;
}

/** State of an export, from which a later process goes on. */
export interface Checkpoint {
  /** Process that writes to the folder. */
  readonly owner: Owner;
  /** The choices of the export, as a text: another export may not go on with its files. */
  readonly choices: string;
  readonly files: readonly CheckpointFile[];
  /** State beside the files; undefined if nothing was read yet. */
  readonly progress?: unknown;
  /** Set when all files are whole: they are given their names, and the manifest is written. */
  readonly naming?: {
    readonly manifest: object;
    readonly stale: readonly string[];
    /** Conversations that were not listed, because they are damaged; absent in former versions. */
    readonly damaged?: number;
  };
}

interface Owner {
  readonly host: string;
  readonly pid: number;
  /** Start of the process in the kernel's ticks, because ids of processes are used again; '' if unknown. */
  readonly started: string;
}

/**
 * Returns the checkpoint in a folder; undefined if there is none.
 * @throws UsageError if it is not readable
 */
export async function readCheckpoint(folder: string): Promise<Checkpoint | undefined> {
  const path = join(folder, checkpointName);
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (bytes === undefined) return undefined;
  try {
    const read = deserialize(bytes) as { version?: unknown; checkpoint?: Checkpoint };
    if (read.version === version && read.checkpoint !== undefined) return read.checkpoint;
  } catch {
    // As of another version.
  }
  throw new UsageError(`${path} is of another version, or damaged; --force begins the export again`);
}

/** Replaces the checkpoint of a folder, durably. */
export async function writeCheckpoint(folder: string, checkpoint: Checkpoint): Promise<void> {
  const path = join(folder, checkpointName);
  const file = await open(`${path}.new`, 'w');
  try {
    await file.writeFile(serialize({ version, checkpoint }));
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
}

export async function thisOwner(): Promise<Owner> {
  return { host: hostname(), pid: process.pid, started: await startOf(process.pid) };
}

/** True if the process of a checkpoint still writes to the folder, as far as can be known from here. */
export async function isRunning({ host, pid, started }: Owner): Promise<boolean> {
  if (host !== hostname()) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return (await startOf(pid)) === started;
}

/** Returns when a process was started, from field 22 of proc(5)'s stat; '' where there is no such file. */
async function startOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}
