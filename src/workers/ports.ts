import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Port } from './channel.js';

/** What crosses beside the messages of a channel: a connection, by a number, and that it has arrived. */
interface Handing {
  readonly connection: number;
}

/** Messages of a channel are lists. */
const isOfChannel = (message: unknown): boolean => Array.isArray(message);

/** A process that ends may be gone before a message reaches it: then the message is of no use to anyone. */
const nothing = (): void => undefined;

/** This process's own connection to the one that started it. */
export function processPort(own: NodeJS.Process): Port {
  return {
    send: (message) => void own.send?.(message, undefined, undefined, nothing),
    onMessage: (listener) => void own.on('message', (message) => isOfChannel(message) && listener(message)),
    onClose: (listener) => void own.on('disconnect', listener),
  };
}

/** A worker's connection, as its primary has it. */
export function workerPort(worker: ChildProcess): Port {
  return {
    send: (message) => void (worker.connected && worker.send(message as object, nothing)),
    onMessage: (listener) =>
      void worker.on('message', (message) => isOfChannel(message) && listener(message)),
    onClose(listener) {
      // Node does not say "disconnect" of a process that ends while a connection is sent to it.
      worker.once('disconnect', listener).once('exit', listener);
    },
  };
}

/** Sends a connection, which stays open in this process too; `onFailure` is called where it could not be sent. */
export function sendConnection(
  worker: ChildProcess,
  number: number,
  connection: Socket,
  onFailure: () => void,
): void {
  const message: Handing = { connection: number };
  worker.send(message, connection, { keepOpen: true }, (error) => error && onFailure());
}

/** Calls `listener` with each connection that the process is sent; it is to read from it at once. */
export function onConnection(
  own: NodeJS.Process,
  listener: (number: number, connection: Socket) => void,
): void {
  own.on('message', (message: unknown, connection: unknown) => {
    if (isOfChannel(message) || connection === undefined) return;
    listener((message as Handing).connection, connection as Socket);
  });
}
