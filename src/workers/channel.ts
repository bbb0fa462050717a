import { isStowkenError, receivedError, StowkenError, type Reason } from '../model/index.js';

/**
 * One process's end of a connection between two processes. Messages arrive in order, as structured clones.
 */
export interface Port {
  send(message: unknown): void;
  onMessage(listener: (message: unknown) => void): void;
  onClose(listener: () => void): void;
}

/** Methods that one side offers to the other: calls with one answer, and streams. */
export interface Handlers {
  readonly calls: Readonly<Record<string, (argument: never) => unknown>>;
  readonly streams: Readonly<
    Record<string, (argument: never, signal: AbortSignal) => AsyncIterable<unknown>>
  >;
}

type Call<O extends Handlers, Name extends keyof O['calls']> = O['calls'][Name];
type Stream<O extends Handlers, Name extends keyof O['streams']> = O['streams'][Name];
type Item<S> = S extends (...args: never[]) => AsyncIterable<infer T> ? T : never;
type Argument<F> = F extends (argument: infer A, ...rest: never[]) => unknown ? A : never;
type Answer<F> = F extends (...args: never[]) => infer R ? Awaited<R> : never;

type Packet =
  | {
      readonly kind: 'call' | 'stream';
      readonly id: number;
      readonly name: string;
      readonly argument: unknown;
    }
  | { readonly kind: 'item' | 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly error: WireError }
  | { readonly kind: 'cancel'; readonly id: number };

interface WireError {
  /** Absent if it is not a StowkenError. */
  readonly reason: Reason | undefined;
  readonly message: string;
  readonly metadata: Readonly<Record<string, string>>;
}

interface Pending {
  readonly onItem: (value: unknown) => void;
  readonly onAnswer: (value: unknown) => void;
  readonly onFailure: (error: Error) => void;
}

/**
 * Calls in both directions over one port. Errors cross with their reason; an error that is not a StowkenError
 * arrives as a plain Error. When the other side goes, calls under way reject with SHUTTING_DOWN, and its
 * streams here stop.
 */
export class Channel<Theirs extends Handlers> {
  readonly #pending = new Map<number, Pending>();
  readonly #serving = new Map<number, AbortController>();
  #outbox: Packet[] = [];
  #lastId = 0;
  #closed = false;

  constructor(
    private readonly port: Port,
    private readonly ours: Handlers,
  ) {
    port.onMessage((message) => {
      for (const packet of message as Packet[]) void this.#receive(packet);
    });
    port.onClose(() => this.#close());
  }

  call<Name extends keyof Theirs['calls'] & string>(
    name: Name,
    argument: Argument<Call<Theirs, Name>>,
  ): Promise<Answer<Call<Theirs, Name>>> {
    return new Promise((resolve, reject) => {
      this.#open('call', name, argument, {
        onItem: () => undefined,
        onAnswer: (value) => resolve(value as Answer<Call<Theirs, Name>>),
        onFailure: reject,
      });
    });
  }

  /** Yields items as the other side makes them; it does not wait for them to be taken. */
  async *stream<Name extends keyof Theirs['streams'] & string>(
    name: Name,
    argument: Argument<Stream<Theirs, Name>>,
    signal: AbortSignal,
  ): AsyncGenerator<Item<Stream<Theirs, Name>>, void, void> {
    const items: unknown[] = [];
    let ended = false;
    let failure: Error | undefined;
    let wake = (): void => undefined;
    const settle = (error?: Error): void => {
      ended = true;
      failure = error;
      wake();
    };
    const id = this.#open('stream', name, argument, {
      onItem: (value) => {
        items.push(value);
        wake();
      },
      onAnswer: () => settle(),
      onFailure: settle,
    });
    const cancel = (): void => this.#send({ kind: 'cancel', id });
    signal.addEventListener('abort', cancel, { once: true });
    if (signal.aborted) cancel();
    try {
      while (true) {
        for (const item of items.splice(0)) yield item as Item<Stream<Theirs, Name>>;
        if (ended && items.length === 0) break;
        if (!ended && items.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      }
      if (failure !== undefined) throw failure;
    } finally {
      signal.removeEventListener('abort', cancel);
      if (!ended) cancel();
    }
  }

  #open(kind: 'call' | 'stream', name: string, argument: unknown, pending: Pending): number {
    const id = ++this.#lastId;
    if (this.#closed) {
      pending.onFailure(gone());
      return id;
    }
    this.#pending.set(id, pending);
    this.#send({ kind, id, name, argument });
    return id;
  }

  async #receive(packet: Packet): Promise<void> {
    // A message sent before the other side ended may arrive after it: nobody would release a resource taken
    // now.
    if (this.#closed) return;
    switch (packet.kind) {
      case 'call':
      case 'stream':
        return this.#serve(packet.kind, packet.id, packet.name, packet.argument);
      case 'cancel':
        return this.#serving.get(packet.id)?.abort();
      case 'item':
        return this.#pending.get(packet.id)?.onItem(packet.value);
      case 'answer':
        return this.#settle(packet.id)?.onAnswer(packet.value);
      case 'failure':
        return this.#settle(packet.id)?.onFailure(fromWire(packet.error));
    }
  }

  async #serve(kind: 'call' | 'stream', id: number, name: string, argument: unknown): Promise<void> {
    const abort = new AbortController();
    this.#serving.set(id, abort);
    try {
      let value: unknown;
      if (kind === 'call') value = await this.ours.calls[name]?.(argument as never);
      else {
        const items = this.ours.streams[name]?.(argument as never, abort.signal) ?? [];
        for await (const item of items) this.#send({ kind: 'item', id, value: item });
      }
      this.#send({ kind: 'answer', id, value });
    } catch (error) {
      this.#send({ kind: 'failure', id, error: toWire(error) });
    } finally {
      this.#serving.delete(id);
    }
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  /**
   * Messages of one turn of the event loop are sent as one: each wakes the other process, which costs more
   * than its content.
   */
  #send(packet: Packet): void {
    if (this.#outbox.length === 0) setImmediate(() => this.#flush());
    this.#outbox.push(packet);
  }

  #flush(): void {
    const packets = this.#outbox;
    this.#outbox = [];
    if (!this.#closed) this.port.send(packets);
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const { onFailure } of this.#pending.values()) onFailure(gone());
    this.#pending.clear();
    for (const abort of this.#serving.values()) abort.abort();
  }
}

function gone(): StowkenError {
  return new StowkenError('SHUTTING_DOWN', 'the process that keeps the vault is gone');
}

function toWire(error: unknown): WireError {
  if (isStowkenError(error)) {
    const { reason, message, metadata } = error;
    return { reason, message, metadata };
  }
  return { reason: undefined, message: error instanceof Error ? error.message : String(error), metadata: {} };
}

function fromWire({ reason, message, metadata }: WireError): Error {
  return reason === undefined ? new Error(message) : receivedError(reason, message, metadata);
}
