import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Port } from './channel.js';
import type { Entrance } from './reception.js';

/** Messages beside those of a channel: a connection, by a number, and the report that it has arrived. */
interface Handing {
  readonly connection: number;
  readonly entrance: Entrance;
}

/** True for messages of a channel, which are lists. */
const isOfChannel = (message: unknown): boolean => Array.isArray(message);

/** Ignores the failure to send to a process that has ended: nobody would use the message. */
const nothing = (): void => undefined;

/** Returns this process's own connection to the one that started it. */
export function processPort(own: NodeJS.Process): Port {
  return {
    send: (message) => void own.send?.(message, undefined, undefined, nothing),
    onMessage: (listener) => void own.on('message', (message) => isOfChannel(message) && listener(message)),
    onClose: (listener) => void own.on('disconnect', listener),
  };
}

/** Returns a worker's connection, for its primary. */
export function workerPort(worker: ChildProcess): Port {
  return {
    send: (message) => void (worker.connected && worker.send(message as object, nothing)),
    onMessage: (listener) =>
      void worker.on('message', (message) => isOfChannel(message) && listener(message)),
    onClose(listener) {
      // Node does not emit "disconnect" for a process that ends while a connection is sent to it.
      worker.once('disconnect', listener).once('exit', listener);
    },
  };
}

/**
 * Sends a connection, which stays open in this process too; `onFailure` is called if it could not be sent.
 */
export function sendConnection(
  worker: ChildProcess,
  number: number,
  connection: Socket,
  entrance: Entrance,
  onFailure: () => void,
): void {
  const message: Handing = { connection: number, entrance };
  worker.send(message, connection, { keepOpen: true }, (error) => error && onFailure());
}

/** Calls `listener` with each connection sent to the process; it must read from it at once. */
export function onConnection(
  own: NodeJS.Process,
  listener: (number: number, connection: Socket, entrance: Entrance) => void,
): void {
  own.on('message', (message: unknown, connection: unknown) => {
    if (isOfChannel(message) || connection === undefined) return;
    const { connection: number, entrance } = message as Handing;
    listener(number, connection as Socket, entrance);
  });
}
