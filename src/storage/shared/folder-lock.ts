import { randomBytes } from 'node:crypto';
import { access, type FileHandle, open, readdir, unlink } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { StowkenError } from '../../model/index.js';

const SOCKET_PREFIX = 'owner-';

/** Access to the record in the vault that names its owner's socket. */
export interface OwnerRecord {
  read(): Promise<string | undefined>;

  /**
   * Replaces the name that was found by another, which only one of several callers can do. Returns whether it
   * did.
   */
  replace(found: string | undefined, name: string): Promise<boolean>;
}

/** True if a file of a vault's folder is an owner's socket. */
export function isOwnerSocket(name: string): boolean {
  return new RegExp(`^${SOCKET_PREFIX}[0-9a-f]{12}$`).test(name);
}

export interface FolderLock {
  /** Name of the socket. A process that finds it gone may take the folder. */
  readonly socket: string;
  release(): Promise<void>;
}

/**
 * Makes this process the folder's one owner. The owner listens on a socket in the folder, which the kernel
 * closes however the process ends. The socket's name is in the vault, where only one of several starters can
 * replace the dead name that all of them found. Pids would not do: containers reuse them.
 *
 * The owner removes the sockets of those that were killed, before it returns. A starter whose socket does not
 * answer yet may lose it so: it looks for it when it has become the owner, after which nobody removes it, and
 * begins again without it.
 * @throws StowkenError STORE_LOCKED
 */
export async function lockFolder(folder: string, record: OwnerRecord): Promise<FolderLock> {
  return (await tryLock(folder, record)) ?? lockFolder(folder, record);
}

/** Resolves to undefined if another starter has removed the socket meanwhile. */
async function tryLock(folder: string, record: OwnerRecord): Promise<FolderLock | undefined> {
  const directory = await open(folder);
  const name = `${SOCKET_PREFIX}${randomBytes(6).toString('hex')}`;
  const server = createServer((socket) => socket.destroy());
  const release = async () => {
    await close(server);
    await directory.close();
  };
  try {
    await listen(server, socketPath(folder, directory, name));
    for (;;) {
      const owner = await record.read();
      if (owner !== undefined && (await answers(socketPath(folder, directory, owner))))
        throw lockedFolder(folder);
      if (await record.replace(owner, name)) break;
    }
    if (!(await isThere(join(folder, name)))) {
      await release();
      return undefined;
    }
    await removeLeftSockets(folder, directory);
  } catch (error) {
    await release();
    throw error;
  }
  return { socket: socketPath(folder, directory, name), release };
}

/** Removes the sockets at which nobody listens. To be called by the owner alone. */
async function removeLeftSockets(folder: string, directory: FileHandle): Promise<void> {
  for (const name of (await readdir(folder)).filter(isOwnerSocket)) {
    if (await answers(socketPath(folder, directory, name))) continue;
    // One that cannot be removed only makes the next opening read more.
    await unlink(join(folder, name)).catch(() => undefined);
  }
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/**
 * Ownership of a folder, by the sockets in it: an owner answers. One that ended without closing the folder
 * (killed, or the power was cut) has left its socket, which the next owner removes.
 */
export type Ownership = 'owned' | 'left' | 'free';

/** Returns the ownership of a folder. For a caller that looks before it asks for the lock. */
export async function ownershipOf(folder: string): Promise<Ownership> {
  const sockets = (await readdir(folder)).filter(isOwnerSocket);
  if (sockets.length === 0) return 'free';
  const directory = await open(folder);
  try {
    const answering = await Promise.all(sockets.map((name) => answers(socketPath(folder, directory, name))));
    return answering.includes(true) ? 'owned' : 'left';
  } finally {
    await directory.close();
  }
}

/** True if a process owns the folder or is about to. */
export async function isOwned(folder: string): Promise<boolean> {
  return (await ownershipOf(folder)) === 'owned';
}

/**
 * Returns a path to the socket that is short enough. The system allows 107 bytes; on Linux, the folder's file
 * descriptor stands for a longer path.
 */
function socketPath(folder: string, directory: FileHandle, name: string): string {
  const path = join(folder, name);
  return Buffer.byteLength(path) <= 100 ? path : `/proc/self/fd/${directory.fd}/${name}`;
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.unref();
      resolve();
    });
  });
}

/** True if somebody listens. Only a definite refusal counts as false. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', ({ code }: NodeJS.ErrnoException) => {
      resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT');
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

export function lockedFolder(folder: string): StowkenError {
  return new StowkenError('STORE_LOCKED', `another process has the store in ${folder} open`, { folder });
}
