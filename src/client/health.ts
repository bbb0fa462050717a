import type { Method } from './contract.js';
import { withKnownFields } from './request-fields.js';
import type { Transport } from './transport.js';
import type { CallControl } from './connection-types.js';

/** Health of a server, or of one of its vaults. "unknown": the server knows nothing of this name. */
export type HealthState = 'serving' | 'notServing' | 'unknown';

/** Statuses of grpc.health.v1.HealthCheckResponse by number. */
const states: readonly HealthState[] = ['unknown', 'serving', 'notServing', 'unknown'];
const serviceTag = (1 << 3) | 2;
const statusTag = 1 << 3;
/** Limit of a service's name: its length is one byte. */
const serviceBytesMax = 127;

/** grpc.health.v1.Health/Check: a text, and an enum; both have field number 1. */
const check: Method<string, HealthState> = {
  path: '/grpc.health.v1.Health/Check',
  serialize: (service) => {
    const name = Buffer.from(service, 'utf8');
    if (name.length > serviceBytesMax) throw new RangeError(`the vault's name has ${name.length} bytes`);
    return name.length === 0 ? name : Buffer.concat([Buffer.of(serviceTag, name.length), name]);
  },
  deserialize: (bytes) => (bytes[0] === statusTag ? (states[bytes[1]!] ?? 'unknown') : 'unknown'),
};

/** Asks for the health of the server as a whole, or of a vault that it has opened since its start. */
export async function checkHealth(
  transport: Transport,
  options: CallControl & { readonly vault?: string } = {},
): Promise<HealthState> {
  const { vault, ...control } = withKnownFields('vault', options);
  const service = vault === undefined ? '' : `vault/${vault}`;
  return transport.unary(check, service, control, true);
}
