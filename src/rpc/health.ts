import { HealthImplementation } from 'grpc-health-check';
import type { Logger } from 'pino';
import type { ServiceHost } from './long-lived-streams.js';

/** Interval at which watchers are updated, in milliseconds; a check always asks. */
const refreshMs = 500;

type Check = (call: unknown, callback: unknown) => void;

/** grpc.health.v1.Health: one answer for the server as a whole ("") and for each of its services. */
export class Health {
  readonly #implementation = new HealthImplementation();
  readonly #timer: NodeJS.Timeout;
  #draining = false;
  #serving: boolean | undefined;

  constructor(
    private readonly services: readonly string[],
    private readonly source: () => { readonly writable: boolean; readonly cause?: string },
    private readonly logger: Pick<Logger, 'error'>,
  ) {
    this.#refresh();
    this.#timer = setInterval(() => this.#refresh(), refreshMs).unref();
  }

  addTo(host: ServiceHost): void {
    this.#implementation.addToServer({
      addService: (definition, implementation) => {
        const check = implementation['check'] as Check;
        const freshCheck: Check = (call, callback) => {
          this.#refresh();
          check(call, callback);
        };
        host.addService(definition, { ...implementation, check: freshCheck });
      },
    });
  }

  /** Reports NOT_SERVING from now on, whatever the source reports. */
  drain(): void {
    this.#draining = true;
    clearInterval(this.#timer);
    this.#refresh();
  }

  #refresh(): void {
    const { writable, cause } = this.source();
    const serving = !this.#draining && writable;
    if (serving === this.#serving) return;
    this.#serving = serving;
    if (!writable && !this.#draining) this.logger.error({ cause }, 'the store takes no more writes');
    for (const service of ['', ...this.services]) {
      this.#implementation.setStatus(service, serving ? 'SERVING' : 'NOT_SERVING');
    }
  }
}
