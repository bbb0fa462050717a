import { lstat, unlink } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { setLogger } from '@grpc/grpc-js';
import type { Logger } from 'pino';

const unixPrefix = 'unix:';

/** Returns the path of "unix:/path" and "unix:///path", or undefined for "host:port". */
export function unixPath(address: string): string | undefined {
  if (!address.startsWith(unixPrefix)) return undefined;
  return address.slice(unixPrefix.length).replace(/^\/\//, '');
}

export function cannotListen(address: string, cause: Error): Error {
  return new Error(`cannot listen on ${address}: ${cause.message}`, { cause });
}

/**
 * Checks that an address can be bound, by binding it for a moment. Called before a vault is opened or
 * created, so that a start without an address leaves nothing behind.
 */
export async function checkListen(address: string): Promise<void> {
  const path = unixPath(address);
  if (path !== undefined) await removeStaleSocket(path);
  const cut = address.lastIndexOf(':');
  const host = address.slice(0, cut).replace(/^\[(.*)\]$/, '$1');
  const where = path !== undefined ? { path } : { host, port: Number(address.slice(cut + 1)) };
  const probe = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    probe.once('error', (error) => reject(cannotListen(address, error)));
    probe.listen(where, () => probe.close(() => resolve()));
  });
}

/** Removes the socket that a killed server left behind, if nobody answers on it. */
export async function removeStaleSocket(path: string): Promise<void> {
  const entry = await lstat(path).catch(() => undefined);
  if (entry?.isSocket() === true && !(await answers(path))) await unlink(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const settle = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}

/** Sends the transport's messages to the log; by default it writes its own lines to standard error. */
export function logTransport(logger: Logger): void {
  setLogger({
    error: (message: string) => logger.warn({ transport: message }, 'from the transport'),
    info: (message: string) => logger.debug({ transport: message }, 'from the transport'),
    debug: (message: string) => logger.trace({ transport: message }, 'from the transport'),
  });
}
