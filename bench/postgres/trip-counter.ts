import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * A port before a database that counts trips: how often a client goes on sending after the database has
 * answered. Right for calls one after the other; what a server does beside them is counted too.
 */
export class TripCounter {
  trips = 0;
  readonly #sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  static async open(target: number): Promise<TripCounter> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const counter = new TripCounter(server, typeof address === 'object' && address ? address.port : 0);
    server.on('connection', (client) => counter.#join(client, connect(target, '127.0.0.1')));
    return counter;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.server.close();
  }

  #join(client: Socket, database: Socket): void {
    let answered = true;
    client.setNoDelay(true);
    database.setNoDelay(true);
    client.on('data', (piece) => {
      if (answered) this.trips += 1;
      answered = false;
      database.write(piece);
    });
    database.on('data', (piece) => {
      answered = true;
      client.write(piece);
    });
    for (const [socket, other] of [
      [client, database],
      [database, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
  }
}
