import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import { limits } from '../model/index.js';
import { accept, type Acceptor } from '../rpc/index.js';
import type { Readiness } from './readiness.js';

export interface EndpointOptions {
  /** "host:port", port 0 for any free one, or "unix:/path". */
  readonly listen: string;
  readonly readiness: () => Readiness;
  /** Returns all metrics as text, and its content type. */
  readonly metrics: () => Promise<{ readonly text: string; readonly type: string }>;
  readonly logger: Logger;
}

interface Answer {
  readonly code: number;
  readonly text: string;
  readonly type: string;
}

const plain = 'text/plain; charset=utf-8';

/**
 * The HTTP port for those who watch the server: /metrics, /healthz and /readyz. It asks nobody who they are.
 * A client costs the server little: connections are few and end after a while, bodies are not read, and
 * metrics are collected a few times a second at most.
 */
export class Endpoint {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #acceptor: Acceptor | undefined;
  #collected: Promise<Answer> | undefined;
  #isCollecting = false;
  #collectedMs = 0;

  private constructor(private readonly options: EndpointOptions) {
    this.#server = createServer({ maxHeaderSize: 8192, keepAlive: false }, (request, response) => {
      void this.#answer(request, response);
    });
  }

  /** Rejects if the address cannot be bound. */
  static async open(options: EndpointOptions): Promise<Endpoint> {
    const endpoint = new Endpoint(options);
    endpoint.#acceptor = await accept(options.listen, (socket) => endpoint.#take(socket), { paused: false });
    return endpoint;
  }

  /** The address with the real port. */
  get address(): string {
    return this.#acceptor?.address ?? this.options.listen;
  }

  close(): void {
    this.#acceptor?.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #take(socket: Socket): void {
    if (this.#sockets.size >= limits.metricsConnectionsMax) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    const tooLong = setTimeout(() => socket.destroy(), limits.metricsConnectionMs).unref();
    socket.once('close', () => {
      clearTimeout(tooLong);
      this.#sockets.delete(socket);
    });
    this.#server.emit('connection', socket);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { code, text, type } = await this.#answerTo(request.method, request.url);
    response.writeHead(code, {
      'content-type': type,
      'content-length': Buffer.byteLength(text),
      'cache-control': 'no-store',
      connection: 'close',
      ...(code === 405 && { allow: 'GET, HEAD' }),
    });
    response.end(request.method === 'HEAD' ? undefined : text);
  }

  async #answerTo(method = '', url = ''): Promise<Answer> {
    if (method !== 'GET' && method !== 'HEAD') return line(405, 'only GET and HEAD');
    const [path] = url.split('?', 1) as [string];
    switch (path) {
      case '/metrics':
        return this.#metrics();
      case '/healthz':
        return line(200, 'the process lives');
      case '/readyz': {
        const { ready, words } = this.options.readiness();
        return line(ready ? 200 : 503, words);
      }
      default:
        return line(404, 'there are /metrics, /healthz and /readyz');
    }
  }

  /** Collects a few times a second at most, however often somebody asks. */
  #metrics(): Promise<Answer> {
    const isFresh = this.#isCollecting || performance.now() - this.#collectedMs < limits.metricsAgeMs;
    if (this.#collected && isFresh) return this.#collected;
    this.#isCollecting = true;
    this.#collected = this.#collect().finally(() => {
      this.#isCollecting = false;
      this.#collectedMs = performance.now();
    });
    return this.#collected;
  }

  async #collect(): Promise<Answer> {
    try {
      return { code: 200, ...(await this.options.metrics()) };
    } catch (error) {
      this.options.logger.error({ err: error }, 'metrics could not be collected');
      return line(500, 'metrics could not be collected: see the log');
    }
  }
}

function line(code: number, words: string): Answer {
  return { code, text: `${words}\n`, type: plain };
}
