import type { Worker } from 'node:cluster';
import type { Port } from './channel.js';

/** This process's own connection to the one that started it. */
export function processPort(own: NodeJS.Process): Port {
  return {
    send: (message) => void own.send?.(message),
    onMessage: (listener) => void own.on('message', listener),
    onClose: (listener) => void own.on('disconnect', listener),
  };
}

/** A worker's connection, as its primary has it. */
export function workerPort(worker: Worker): Port {
  return {
    // It may have ended since: then its messages are of no use to anyone.
    send: (message) => void (worker.isConnected() && worker.send(message as object)),
    onMessage: (listener) => void worker.on('message', listener),
    onClose: (listener) => void worker.on('disconnect', listener),
  };
}
