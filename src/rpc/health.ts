import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  type ServiceDefinition,
  status,
} from '@grpc/grpc-js';
import { HealthImplementation, service as methods } from 'grpc-health-check';
import type { Logger } from 'pino';
import type { VaultHealth, VaultsHealth } from '../vaults/index.js';
import type { Caller } from './access/index.js';
import type { IncomingRequest } from './intake/index.js';
import type { ServiceHost } from './long-lived-streams.js';

/** Interval at which watchers are updated, in milliseconds; a check always asks. */
const refreshMs = 500;

const vaultPrefix = 'vault/';

export const healthPaths = Object.values(methods).map(({ path }) => path);

interface Asked {
  readonly service: string;
  readonly caller: Caller;
}

type Check = handleUnaryCall<Asked, object>;
type Watch = handleServerStreamingCall<Asked, object>;
type List = (call: unknown, callback: (error: null, response: object) => void) => void;

/**
 * grpc.health.v1.Health: one answer for the server as a whole ("") and for each of its services, and one for
 * each vault that was needed since the start ("vault/NAME"). A vault with damaged records is NOT_SERVING by
 * its name, and leaves the server as a whole SERVING. Callers may be unknown: the list has no names of
 * vaults, and a caller without rights for a vault gets the answer for a name that is not known.
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

  /** `redeem` turns the message that grpc-js passes on into a request. */
  addTo(host: ServiceHost, redeem: (bytes: Buffer) => IncomingRequest): void {
    this.#implementation.addToServer({
      addService: (definition, implementation) => {
        const check = implementation['check'] as Check;
        const freshCheck: Check = (call, callback) => {
          this.#refresh();
          if (this.#mayKnow(call.request)) check(call, callback);
          else
            callback({
              code: status.NOT_FOUND,
              details: `Health status unknown for service ${call.request.service}`,
            });
        };
        const watch = implementation['watch'] as Watch;
        const ownWatch: Watch = (call) => {
          const { service, caller } = call.request;
          if (this.#mayKnow(call.request)) {
            // The right for it is looked at again while the watch lasts.
            if (service.startsWith(vaultPrefix)) caller.check(service.slice(vaultPrefix.length));
            watch(call);
          } else call.write({ status: 'SERVICE_UNKNOWN' });
        };
        const list: List = (_call, callback) => {
          this.#refresh();
          const state = { status: this.#serving ? 'SERVING' : 'NOT_SERVING' };
          const named = ['', ...this.services].map((service) => [service, state] as const);
          callback(null, { statuses: Object.fromEntries(named) });
        };
        const service = withCallers(definition, redeem);
        host.addService(service, { ...implementation, check: freshCheck, watch: ownWatch, list });
      },
    });
  }

  /** Reports NOT_SERVING from now on, whatever the source reports. */
  drain(): void {
    this.#draining = true;
    clearInterval(this.#timer);
    this.#refresh();
  }

  /** True if the status of a name, or that it has none yet, may be told. Others are never set. */
  #mayKnow({ service, caller }: Asked): boolean {
    if (service.startsWith(vaultPrefix)) return caller.sees(service.slice(vaultPrefix.length));
    return service === '' || this.services.includes(service);
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
    this.#implementation.setStatus(`${vaultPrefix}${name}`, serving ? 'SERVING' : 'NOT_SERVING');
  }
}

/** Returns the service with requests that have their caller. */
function withCallers(
  service: ServiceDefinition,
  redeem: (bytes: Buffer) => IncomingRequest,
): ServiceDefinition {
  const entries = Object.entries(service).map(([name, method]) => {
    const requestDeserialize = (message: Buffer): object => {
      const request = redeem(message);
      try {
        return { ...(method.requestDeserialize(request.claim()) as object), caller: request.caller };
      } finally {
        request.release();
      }
    };
    return [name, { ...method, requestDeserialize }] as const;
  });
  return Object.fromEntries(entries);
}
