import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import { limits } from '../../model/index.js';
import { serverStream, unary } from '../calls/index.js';
import { readCollectGarbage, readGetCapabilities, readGetStats, readVerifyVault } from '../requests/index.js';
import { collectFields, statsFields, verifyFields } from '../responses.js';
import { MessageCodec } from '../wire/codec.js';
import { requireVault, type ServiceScope } from './scope.js';

const collectResponse = new MessageCodec('stowken.v1.CollectGarbageResponse');
const verifyResponse = new MessageCodec('stowken.v1.VerifyVaultResponse');
const statsResponse = new MessageCodec('stowken.v1.GetStatsResponse');
const capabilitiesResponse = new MessageCodec('stowken.v1.GetCapabilitiesResponse');

export function maintenanceService(scope: ServiceScope): UntypedServiceImplementation {
  const { logger } = scope;
  return {
    CollectGarbage: serverStream(
      {
        read: readCollectGarbage,
        async *handle({ vault, options }, signal) {
          for await (const part of requireVault(scope, vault).collectGarbage(options, signal)) {
            yield collectResponse.encode(collectFields(part));
          }
        },
      },
      logger,
    ),

    VerifyVault: serverStream(
      {
        read: readVerifyVault,
        async *handle({ vault }, signal) {
          for await (const part of requireVault(scope, vault).verify(signal)) {
            yield verifyResponse.encode(verifyFields(part));
          }
        },
      },
      logger,
    ),

    GetStats: unary(
      {
        read: readGetStats,
        handle: async ({ vault }) =>
          statsResponse.encode(statsFields(await requireVault(scope, vault).stats())),
      },
      logger,
    ),

    GetCapabilities: unary(
      {
        read: readGetCapabilities,
        handle: async ({ vault }) =>
          capabilitiesResponse.encode({
            version: scope.version,
            storage: requireVault(scope, vault).storageKind,
            tokenizers: scope.tokenizers.known,
            limits: wireLimits,
          }),
      },
      logger,
    ),
  };
}

/** The limits under names in the contract's spelling: page_size_max. */
const wireLimits = Object.fromEntries(
  Object.entries(limits).map(([name, limit]) => [
    name.replace(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`),
    limit,
  ]),
);
