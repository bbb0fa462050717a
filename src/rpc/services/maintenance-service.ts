import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import { limits, readOnly } from '../../model/index.js';
import {
  readBackupVault,
  readCollectGarbage,
  readCompact,
  readErase,
  readGetCapabilities,
  readGetStats,
  readListRegistries,
  readVerifyVault,
} from '../requests/index.js';
import {
  collectFields,
  compactFields,
  eraseFields,
  registryFields,
  statsFields,
  verifyFields,
} from '../maintenance-responses.js';
import { ResponseEncoder } from '../wire/response-encoder.js';
import { type ServiceScope, VaultMethods } from './vault-methods.js';

const collectResponse = new ResponseEncoder('stowken.v1.CollectGarbageResponse');
const compactResponse = new ResponseEncoder('stowken.v1.CompactSubstringsResponse');
const eraseResponse = new ResponseEncoder('stowken.v1.EraseConversationsResponse');
const registriesResponse = new ResponseEncoder('stowken.v1.ListRegistriesResponse');
const backupResponse = new ResponseEncoder('stowken.v1.BackupVaultResponse');
const verifyResponse = new ResponseEncoder('stowken.v1.VerifyVaultResponse');
const statsResponse = new ResponseEncoder('stowken.v1.GetStatsResponse');
const capabilitiesResponse = new ResponseEncoder('stowken.v1.GetCapabilitiesResponse');

export function maintenanceService(scope: ServiceScope): UntypedServiceImplementation {
  const methods = new VaultMethods(scope);
  const checkChange = (changes: boolean): void => {
    if (changes && scope.readOnly) throw readOnly();
  };
  return {
    CollectGarbage: methods.stream(
      readCollectGarbage,
      (vault, { options }, signal) => {
        checkChange(!options.dryRun);
        return vault.collectGarbage(options, signal);
      },
      (part) => [collectResponse.encode(collectFields(part))],
    ),

    CompactSubstrings: methods.stream(
      readCompact,
      (vault, { input }, signal) => {
        checkChange(!input.dryRun);
        return vault.compact(input, signal);
      },
      (part) => [compactResponse.encode(compactFields(part))],
    ),

    EraseConversations: methods.stream(
      readErase,
      (vault, { input }, signal) => vault.erase(input, signal),
      (part) => [eraseResponse.encode(eraseFields(part))],
    ),

    VerifyVault: methods.stream(
      readVerifyVault,
      (vault, { options }, signal) => {
        checkChange(options.repair);
        return vault.verify(options, signal);
      },
      (part) => [verifyResponse.encode(verifyFields(part))],
    ),

    BackupVault: methods.stream(
      readBackupVault,
      (vault, _request, signal) => vault.backup(signal),
      (data) => [backupResponse.encode({ data })],
    ),

    ListRegistries: methods.unary(readListRegistries, async (vault) => {
      const registries = await vault.listRegistries();
      return registriesResponse.encode({ registries: registries.map(registryFields) });
    }),

    GetStats: methods.unary(readGetStats, async (vault) =>
      statsResponse.encode(statsFields(await vault.stats())),
    ),

    GetCapabilities: methods.unary(readGetCapabilities, async (vault) =>
      capabilitiesResponse.encode({
        version: scope.version,
        storage: vault.storageKind,
        tokenizers: scope.tokenizers.known,
        limits: wireLimits(scope),
        read_only: scope.readOnly ?? false,
        tokenizer_infos: (await scope.tokenizers.describe()).map(({ tokens, changesBeside, ...info }) => ({
          ...info,
          vocabulary_size: tokens,
          changes_beside: changesBeside,
        })),
      }),
    ),
  };
}

/**
 * Returns all limits, including those that the server was started with, under names in the contract's
 * spelling: page_size_max.
 */
function wireLimits({ intake, startedLimits }: ServiceScope) {
  const { bytesMax, requestIdleMs, connectionIdleMs, connectionsMax } = intake;
  const started = { intakeBytesMax: bytesMax, requestIdleMs, connectionIdleMs, connectionsMax };
  return Object.fromEntries(
    Object.entries({ ...limits, ...started, ...startedLimits }).map(([name, limit]) => [
      name.replace(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`),
      limit,
    ]),
  );
}
