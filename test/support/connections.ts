import { connect, type NetConnectOpts, type Socket } from 'node:net';

/** "served" if the server has begun to speak HTTP/2, "closed" if it has closed the connection. */
export type Fate = 'served' | 'closed';

/** Opens a connection to "host:port" or "unix:/path". */
export function openConnection(address: string): { readonly socket: Socket; readonly fate: Promise<Fate> } {
  const socket = connect(optionsOf(address));
  socket.on('error', () => undefined);
  const fate = new Promise<Fate>((resolve) => {
    socket.once('data', () => resolve('served')).once('close', () => resolve('closed'));
  });
  return { socket, fate };
}

function optionsOf(address: string): NetConnectOpts {
  if (address.startsWith('unix:')) return { path: address.slice('unix:'.length) };
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}
