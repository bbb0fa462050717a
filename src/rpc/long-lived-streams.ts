import type { Server, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';

/** The part of a server that services are added to. */
export type ServiceHost = Pick<Server, 'addService'>;

interface LongLivedStream {
  once(event: 'close' | 'cancelled', listener: () => void): unknown;
  end(): unknown;
}

type StreamHandler = (call: LongLivedStream) => void;

/**
 * Streams that clients keep open for as long as they like (health watches, reflection). They would hold up a
 * server that waits for its calls to finish, so they are tracked here and ended when it drains.
 */
export class LongLivedStreams {
  readonly #open = new Set<LongLivedStream>();

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
        const forget = (): boolean => this.#open.delete(call);
        this.#open.add(call);
        call.once('close', forget);
        call.once('cancelled', forget);
        handler(call);
      };
    }
    return tracked;
  }
}
