import { HealthImplementation } from 'grpc-health-check';
import type { Logger } from 'pino';
import type { VaultHealth, VaultsHealth } from '../vaults/index.js';
import type { ServiceHost } from './long-lived-streams.js';

/** Interval at which watchers are updated, in milliseconds; a check always asks. */
const refreshMs = 500;

type Check = (call: unknown, callback: unknown) => void;
type List = (call: unknown, callback: (error: null, response: object) => void) => void;

/**
 * grpc.health.v1.Health: one answer for the server as a whole ("") and for each of its services, and one for
 * each vault that was needed since the start ("vault/NAME"). A vault with damaged records is NOT_SERVING by
 * its name, and leaves the server as a whole SERVING. Callers may be unknown: the list has no names of
 * vaults.
 */
export class Health {
  readonly #implementation = new HealthImplementation();
  readonly #timer: NodeJS.Timeout;
  #draining = false;
  #serving: boolean | undefined;
  /** Vaults whose status was set, and whether they are well. */
  readonly #vaults = new Map<string, boolean>();

  constructor(
    private readonly services: readonly string[],
    private readonly source: () => VaultsHealth,
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
        const list: List = (_call, callback) => {
          this.#refresh();
          const status = this.#serving ? 'SERVING' : 'NOT_SERVING';
          const named = ['', ...this.services].map((service) => [service, { status }] as const);
          callback(null, { statuses: Object.fromEntries(named) });
        };
        host.addService(definition, { ...implementation, check: freshCheck, list });
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
    const { writable, cause, vaults } = this.source();
    for (const [name, state] of vaults) this.#refreshVault(name, state);
    const serving = !this.#draining && writable;
    if (serving === this.#serving) return;
    this.#serving = serving;
    if (!writable && !this.#draining) this.logger.error({ cause }, 'no vault takes writes any more');
    for (const service of ['', ...this.services]) {
      this.#implementation.setStatus(service, serving ? 'SERVING' : 'NOT_SERVING');
    }
    for (const name of vaults.keys()) this.#setVault(name);
  }

  #refreshVault(name: string, { writable, cause, damage }: VaultHealth): void {
    const isWell = writable && damage === undefined;
    if (this.#vaults.get(name) === isWell) return;
    this.#vaults.set(name, isWell);
    if (!writable && !this.#draining) this.logger.error({ vault: name, cause }, 'a vault takes no writes');
    this.#setVault(name);
  }

  #setVault(name: string): void {
    const serving = !this.#draining && this.#vaults.get(name) === true;
    this.#implementation.setStatus(`vault/${name}`, serving ? 'SERVING' : 'NOT_SERVING');
  }
}
