import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import { limits } from '../../model/index.js';
import { serverStream, unary } from '../calls/index.js';
import {
  readBackupVault,
  readCollectGarbage,
  readCompact,
  readGetCapabilities,
  readGetStats,
  readListRegistries,
  readVerifyVault,
} from '../requests/index.js';
import { compactFields, registryFields } from '../compaction-fields.js';
import { collectFields, statsFields, verifyFields } from '../responses.js';
import { MessageCodec } from '../wire/codec.js';
import { requireVault, type ServiceScope } from './scope.js';

const collectResponse = new MessageCodec('stowken.v1.CollectGarbageResponse');
const compactResponse = new MessageCodec('stowken.v1.CompactSubstringsResponse');
const registriesResponse = new MessageCodec('stowken.v1.ListRegistriesResponse');
const backupResponse = new MessageCodec('stowken.v1.BackupVaultResponse');
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
            yield [collectResponse.encode(collectFields(part))];
          }
        },
      },
      logger,
    ),

    CompactSubstrings: serverStream(
      {
        read: readCompact,
        async *handle({ vault, input }, signal) {
          for await (const part of requireVault(scope, vault).compact(input, signal)) {
            yield [compactResponse.encode(compactFields(part))];
          }
        },
      },
      logger,
    ),

    VerifyVault: serverStream(
      {
        read: readVerifyVault,
        async *handle({ vault, options }, signal) {
          for await (const part of requireVault(scope, vault).verify(options, signal)) {
            yield [verifyResponse.encode(verifyFields(part))];
          }
        },
      },
      logger,
    ),

    BackupVault: serverStream(
      {
        read: readBackupVault,
        async *handle({ vault }, signal) {
          for await (const data of requireVault(scope, vault).backup(signal)) {
            yield [backupResponse.encode({ data })];
          }
        },
      },
      logger,
    ),

    ListRegistries: unary(
      {
        read: readListRegistries,
        async handle({ vault }) {
          const registries = await requireVault(scope, vault).listRegistries();
          return registriesResponse.encode({ registries: registries.map(registryFields) });
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
