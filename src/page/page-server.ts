import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Logger } from 'pino';
import type { TlsOptions } from '../identity/index.js';
import { limits } from '../model/index.js';
import { originOf, TlsGate } from '../rpc/index.js';
import { answerCall, sendError, sendText } from './answer.js';
import { CallError, codes } from './call-error.js';
import { type PageDocument, readPage } from './document.js';
import { pageMethods } from './methods.js';
import { Relay, type RelayTo } from './relay.js';
import { SameSite } from './same-site.js';

const noSuchPage = 'there is the page, at /';
const noSuchCall =
  'there is no such call over HTTP: docs/page.md lists those that there are, which all read; gRPC has the others';

/** Options of the page's port. They are plain values: workers receive them from their primary. */
export interface PageOptions {
  /** Names of the server, beside those of loopback and its addresses. */
  readonly hosts: readonly string[];
}

export interface PageServerOptions extends PageOptions {
  /** Serves the calls of a client. */
  readonly relay: RelayTo;
  /** If absent, connections are not encrypted. */
  readonly tls: TlsOptions | undefined;
  readonly logger: Logger;
}

/** A client's connection. */
interface Client {
  readonly relay: Relay;
  /** Requests that are being answered. */
  answering: number;
  /** Ends a connection that sends no request. */
  timer: NodeJS.Timeout | undefined;
}

/**
 * Serves the page, and the calls that it makes, over HTTP on connections that were accepted elsewhere. It
 * decides nothing about callers: their calls pass through gRPC as those of other clients do.
 */
export class PageServer {
  readonly #server: Server;
  readonly #clients = new Map<Socket, Client>();
  readonly #sameSite: SameSite;
  readonly #page: PageDocument = readPage();
  #gate: TlsGate | undefined;
  #isDraining = false;

  private constructor(private readonly options: PageServerOptions) {
    this.#sameSite = new SameSite(options.hosts);
    this.#server = createServer({ maxHeaderSize: 16 * 1024 }, (request, response) => {
      void this.#handle(request, response);
    });
    this.#server.on('clientError', (_error, socket) => socket.destroy());
    // Ends a connection whose client takes none of the bytes of an answer.
    this.#server.timeout = limits.pageStallMs;
    this.#server.on('timeout', (socket: Socket) => {
      if (socket.writableLength > 0 || this.#clients.get(socket)?.answering === 0) socket.destroy();
    });
  }

  /** @throws Error that names the file of TLS that cannot be used */
  static async open(options: PageServerOptions): Promise<PageServer> {
    const page = new PageServer(options);
    const { tls, logger } = options;
    if (tls === undefined) return page;
    const hooks = {
      protocol: 'http/1.1',
      onConnection: (connection: TLSSocket) => page.#serve(connection),
      onTrustChanged: () => page.#closeAll(),
    } as const;
    page.#gate = await TlsGate.open(tls, limits.pageConnectionsMax, hooks, logger.child({ port: 'http' }));
    return page;
  }

  /** Serves a connection. */
  readonly take = (socket: Socket): void => {
    if (this.#gate) this.#gate.take(socket);
    else this.#serve(socket);
  };

  /** Takes no more requests, and resolves when those under way are answered, or cut off after graceMs. */
  async drain(graceMs: number): Promise<void> {
    this.#isDraining = true;
    this.#gate?.close();
    for (const [socket, { answering }] of this.#clients) if (answering === 0) socket.destroy();
    const cutOff = setTimeout(() => this.#closeAll(), graceMs);
    await Promise.all(
      Array.from(this.#clients.keys(), (socket) => new Promise((resolve) => socket.once('close', resolve))),
    );
    clearTimeout(cutOff);
  }

  #closeAll(): void {
    for (const socket of this.#clients.keys()) socket.destroy();
  }

  #serve(socket: Socket): void {
    if (this.#isDraining || this.#clients.size >= limits.pageConnectionsMax) return void socket.destroy();
    const origin = originOf(socket, this.#gate !== undefined);
    const client: Client = { relay: new Relay(this.options.relay, origin), answering: 0, timer: undefined };
    this.#clients.set(socket, client);
    socket.on('error', () => undefined);
    socket.once('close', () => {
      clearTimeout(client.timer);
      client.relay.close();
      this.#clients.delete(socket);
    });
    awaitRequest(socket, client);
    this.#server.emit('connection', socket);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request;
    const client = this.#clients.get(socket);
    if (client === undefined) return void socket.destroy();
    client.answering += 1;
    request.once('end', () => clearTimeout(client.timer));
    response.once('close', () => {
      client.answering -= 1;
      if (this.#isDraining || !request.complete) socket.destroySoon();
      else awaitRequest(socket, client);
    });
    if (this.#isDraining) response.setHeader('connection', 'close');
    await this.#answer(request, response, client);
  }

  async #answer(request: IncomingMessage, response: ServerResponse, { relay }: Client): Promise<void> {
    const { method, url = '', headers } = request;
    const path = pathOf(url);
    const refuse = (
      status: number,
      code: number,
      words: string,
      own: Readonly<Record<string, string>> = {},
    ) =>
      path.startsWith('/api/')
        ? sendError(response, new CallError(code, words), { status, headers: own })
        : sendText(response, status, `${words}\n`, own);
    const refused =
      this.#sameSite.checkHost(headers) ??
      (method === 'POST' ? this.#sameSite.checkOrigin(headers) : undefined);
    if (refused) return refuse(refused.status, codes.permissionDenied, refused.words);
    if (path === '/') return this.#sendPage(request, response);
    const called = pageMethods.get(path);
    if (called === undefined)
      return refuse(404, codes.unimplemented, path.startsWith('/api/') ? noSuchCall : noSuchPage);
    if (method !== 'POST') return refuse(405, codes.unimplemented, 'only POST', { allow: 'POST' });
    if (!/^application\/json\b/i.test(headers['content-type'] ?? ''))
      return refuse(415, codes.invalidArgument, 'only application/json');
    await answerCall(request, response, called, relay);
  }

  #sendPage({ method, headers }: IncomingMessage, response: ServerResponse): void {
    if (method !== 'GET' && method !== 'HEAD')
      return sendText(response, 405, 'only GET and HEAD\n', { allow: 'GET, HEAD' });
    const { html, headers: own } = this.#page;
    if (headers['if-none-match'] === own['etag']) return sendText(response, 304, '', own);
    return sendText(response, 200, html.toString(), own);
  }
}

/** Returns the path of a request's target, which may be a whole URL (RFC 9112, 3.2.2), whatever its host. */
function pathOf(target: string): string {
  return /^(?:https?:\/\/[^/?]*)?([^?]*)/i.exec(target)![1] || '/';
}

/** Gives a client its time for the next request. */
function awaitRequest(socket: Socket, client: Client): void {
  clearTimeout(client.timer);
  client.timer = setTimeout(() => socket.destroy(), limits.pageRequestMs).unref();
}
