import { randomBytes } from 'node:crypto';
import { open, unlink, type FileHandle } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { StowkenError } from '../../model/index.js';
import type { Environment } from './environment.js';

/** Key in `meta` of the name of the owner's socket. */
const OWNER_KEY = 3;
const SOCKET_PREFIX = 'owner-';

export interface FolderLock {
  release(): Promise<void>;
}

/**
 * Makes this process the folder's one owner. The owner listens on a socket in the folder, which the
 * kernel closes however the process ends; its name is in the vault, where only one of several starters
 * can replace the name that all of them found dead. Pids would not do: containers reuse them.
 * @throws StowkenError STORE_LOCKED
 */
export async function lockFolder(folder: string, environment: Environment): Promise<FolderLock> {
  const { meta } = environment.tables;
  const directory = await open(folder);
  const name = `${SOCKET_PREFIX}${randomBytes(6).toString('hex')}`;
  const server = createServer((socket) => socket.destroy());
  try {
    await listen(server, socketPath(folder, directory, name));
    for (;;) {
      const owner = ownerOf(environment);
      if (owner !== undefined && (await answers(socketPath(folder, directory, owner)))) throw locked(folder);
      const won = await environment.write(() => {
        if (ownerOf(environment) !== owner) return false;
        meta.put(OWNER_KEY, Buffer.from(name));
        return true;
      });
      if (!won) continue;
      if (owner !== undefined) await unlink(join(folder, owner)).catch(() => undefined);
      break;
    }
  } catch (error) {
    await close(server);
    await directory.close();
    throw error;
  }
  return {
    async release() {
      await close(server);
      await directory.close();
    },
  };
}

function ownerOf(environment: Environment): string | undefined {
  const record = environment.tables.meta.get(OWNER_KEY);
  return record && Buffer.from(record).toString('utf8');
}

/** A socket's path may have 107 bytes only: on Linux a folder's descriptor stands for a longer one. */
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

/** Whether somebody listens. Only a clear no counts as no. */
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

function locked(folder: string): StowkenError {
  return new StowkenError('STORE_LOCKED', `another process has the store in ${folder} open`, { folder });
}
