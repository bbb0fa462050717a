import { lookup } from 'node:dns/promises';
import { createServer, isIP, type ListenOptions, type Server, type Socket } from 'node:net';
import { cannotListen, removeStaleSocket, unixPath } from './listen.js';

/** Open listening sockets of one address. */
export interface Acceptor {
  /** The address with the real port. */
  readonly address: string;
  /** Stops accepting connections. Accepted ones are not touched. */
  close(): void;
}

/**
 * Accepts connections.
 * @param address "host:port", port 0 for any free one, or "unix:/path"
 * @param options.paused True if nothing is to be read from a connection in this process
 */
export async function accept(
  address: string,
  onConnection: (connection: Socket) => void,
  { paused }: { readonly paused: boolean },
): Promise<Acceptor> {
  const servers: Server[] = [];
  const open = async (options: ListenOptions): Promise<number> => {
    const server = createServer({ pauseOnConnect: paused }, onConnection);
    servers.push(server);
    return listening(server, options);
  };
  const close = (): void => servers.forEach((server) => server.close());
  try {
    const path = unixPath(address);
    if (path !== undefined) {
      await removeStaleSocket(path);
      await open({ path });
      return { address, close };
    }
    const [host, portText] = splitPort(address);
    let port = Number(portText);
    // A name may stand for several addresses, as "localhost" does. All of them get the first one's port.
    let missing: unknown;
    for (const each of await addressesOf(host)) {
      try {
        port = await open({ host: each, port });
      } catch (error) {
        if (!isNotOfThisMachine(error)) throw error;
        missing = error;
        servers.pop();
      }
    }
    if (servers.length === 0) throw missing;
    return { address: `${host}:${port}`, close };
  } catch (error) {
    close();
    throw cannotListen(address, error as Error);
  }
}

function splitPort(address: string): [host: string, port: string] {
  const colon = address.lastIndexOf(':');
  return [address.slice(0, colon), address.slice(colon + 1)];
}

async function addressesOf(host: string): Promise<string[]> {
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  if (isIP(bare) !== 0) return [bare];
  const found = await lookup(bare, { all: true });
  return [...new Set(found.map(({ address }) => address))];
}

/** True if the machine does not have the address: a name may stand for an IPv6 address where IPv6 is off. */
function isNotOfThisMachine(error: unknown): boolean {
  const { code = '' } = error as NodeJS.ErrnoException;
  return code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT';
}

function listening(server: Server, options: ListenOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, () => {
      server.off('error', reject);
      // A connection that cannot be accepted, for lack of descriptors, concerns only its client.
      server.on('error', () => undefined);
      const bound = server.address();
      resolve(typeof bound === 'object' && bound !== null ? bound.port : 0);
    });
  });
}
