import { connect, createServer, type Server, type Socket } from 'node:net';

/** A port before a database that delays what passes it, so that it is as if the database were far away. */
export class FarPort {
  readonly #sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    readonly port: number,
    private readonly delayMs: number,
  ) {}

  /** `delayMs`: of each direction, half of a trip. */
  static async open(target: number, delayMs: number): Promise<FarPort> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const far = new FarPort(server, typeof address === 'object' && address ? address.port : 0, delayMs);
    server.on('connection', (client) => far.#join(client, connect(target, '127.0.0.1')));
    return far;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.server.close();
  }

  #join(client: Socket, database: Socket): void {
    for (const [from, to] of [
      [client, database],
      [database, client],
    ] as const) {
      this.#sockets.add(from);
      from.setNoDelay(true);
      from.on('data', (piece) => setTimeout(() => to.write(piece), this.delayMs));
      from.on('error', () => undefined);
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
  }
}
