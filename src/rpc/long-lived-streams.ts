import type { Server, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import type { StowkenError } from '../model/index.js';
import type { Caller, StandingCallers } from './access/index.js';
import { toCallFailure } from './errors.js';

/** The part of a server that services are added to. */
export type ServiceHost = Pick<Server, 'addService'>;

interface LongLivedStream {
  once(event: 'close' | 'cancelled', listener: () => void): unknown;
  emit(event: 'cancelled'): unknown;
  emit(event: 'error', failure: object): unknown;
  end(): unknown;
}

type StreamHandler = (call: LongLivedStream) => void;

/**
 * Streams that clients keep open for as long as they like (health watches, reflection). They would hold up a
 * server that waits for its calls to finish, so they are tracked here and ended when it drains, or when their
 * callers are no longer admitted.
 */
export class LongLivedStreams {
  readonly #open = new Set<LongLivedStream>();

  constructor(
    private readonly callers: StandingCallers,
    private readonly logger: Logger,
  ) {}

  /** Returns the same host, but with every stream of a service added through it tracked here. */
  track(host: ServiceHost): ServiceHost {
    return {
      addService: (definition, implementation) =>
        host.addService(definition, this.#tracked(definition, implementation)),
    };
  }

  endAll(): void {
    for (const stream of this.#open) stream.end();
  }

  #tracked(definition: ServiceDefinition, implementation: UntypedServiceImplementation) {
    const tracked = { ...implementation };
    for (const [name, { responseStream, originalName = name }] of Object.entries(definition)) {
      const key = originalName in implementation ? originalName : name;
      const handler = implementation[key] as StreamHandler | undefined;
      if (!responseStream || handler === undefined) continue;
      tracked[key] = (call: LongLivedStream): void => {
        const stop = (error: StowkenError): void => {
          // The services forget a stream that is cancelled; one that ends, they would go on writing to.
          call.emit('cancelled');
          call.emit('error', toCallFailure(error, this.logger));
        };
        const caller = callerOf(call);
        const unwatch = caller && this.callers.watch(caller, stop);
        const forget = (): void => {
          this.#open.delete(call);
          unwatch?.();
        };
        this.#open.add(call);
        call.once('close', forget);
        call.once('cancelled', forget);
        handler(call);
      };
    }
    return tracked;
  }
}

/**
 * Returns the caller of a stream, whose service passes on no more than its messages. The stream that grpc-js
 * reads from, which has it, is a private field.
 */
function callerOf(call: LongLivedStream): Caller | undefined {
  return (call as { call?: { stream?: { caller?: Caller } } }).call?.stream?.caller;
}
