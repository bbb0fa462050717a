import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import type { RecordedEvent } from '../../audit/index.js';
import type { RetentionState, VaultDescription } from '../../vaults/index.js';
import { unary } from '../calls/index.js';
import * as R from '../generated/responses.js';
import {
  readCreateVault,
  readDeleteVault,
  readGetRetention,
  readGetVault,
  readListAuditEvents,
  readListVaults,
  readUpdateVault,
  vaultPageToken,
} from '../requests/index.js';
import { duration, timestamp } from '../responses.js';
import { ResponseEncoder } from '../wire/response-encoder.js';
import type { ServiceScope } from './vault-methods.js';

const createResponse = new ResponseEncoder('stowken.v1.CreateVaultResponse');
const getResponse = new ResponseEncoder('stowken.v1.GetVaultResponse');
const retentionResponse = new ResponseEncoder('stowken.v1.GetRetentionResponse');
const updateResponse = new ResponseEncoder('stowken.v1.UpdateVaultResponse');
const listResponse = new ResponseEncoder('stowken.v1.ListVaultsResponse');
const auditResponse = new ResponseEncoder('stowken.v1.ListAuditEventsResponse');
const deleteResponse = new ResponseEncoder('stowken.v1.DeleteVaultResponse');

export function adminService(scope: ServiceScope): UntypedServiceImplementation {
  const { admin } = scope;
  return {
    CreateVault: unary(
      {
        read: readCreateVault,
        handle: async ({ vault, settings }, _signal, caller) => {
          caller.check(vault);
          return createResponse.encode({ vault: vaultFields(await admin.create(vault, settings)) });
        },
      },
      scope,
    ),

    GetVault: unary(
      {
        read: readGetVault,
        handle: async ({ vault }, _signal, caller) => {
          caller.check(vault);
          return getResponse.encode({ vault: vaultFields(await admin.get(vault)) });
        },
      },
      scope,
    ),

    GetRetention: unary(
      {
        read: readGetRetention,
        handle: async ({ vault }, _signal, caller) => {
          caller.check(vault);
          return retentionResponse.encode(retentionFields(await admin.retention(vault)));
        },
      },
      scope,
    ),

    UpdateVault: unary(
      {
        read: readUpdateVault,
        handle: async ({ vault, settings, reset }, _signal, caller) => {
          caller.check(vault);
          return updateResponse.encode({ vault: vaultFields(await admin.update(vault, settings, reset)) });
        },
      },
      scope,
    ),

    ListVaults: unary(
      {
        read: readListVaults,
        handle: async ({ page_size, page_token }, _signal, caller) => {
          const { vaults, next } = await admin.list(page_token, page_size);
          return listResponse.encode({
            vaults: vaults.filter(({ name }) => caller.sees(name)).map(vaultFields),
            next_page_token: next === undefined ? undefined : vaultPageToken(next),
          });
        },
      },
      scope,
    ),

    ListAuditEvents: unary(
      {
        read: readListAuditEvents,
        handle: async (query, _signal, caller) => {
          if (query.vault !== undefined) caller.check(query.vault);
          const { events, next } = await scope.auditSource.list(query);
          return auditResponse.encode({
            events: events.filter(({ vault }) => caller.may(vault)).map(auditFields),
            next_page_token: next === undefined ? undefined : String(next),
          });
        },
      },
      scope,
    ),

    DeleteVault: unary(
      {
        read: readDeleteVault,
        handle: async ({ vault, confirm_vault }, _signal, caller) => {
          caller.check(vault);
          await admin.delete(vault, confirm_vault);
          return deleteResponse.encode({});
        },
      },
      scope,
    ),
  };
}

function retentionFields(state: RetentionState): R.GetRetentionResponse {
  const { expired, isLowerBound, isAboveLimit, sweepIntervalMs, isSweeping, lastSweepMs, swept, space } =
    state;
  return {
    expired_conversations: expired,
    is_lower_bound: isLowerBound,
    is_above_limit: isAboveLimit,
    sweep_interval: sweepIntervalMs === 0 ? undefined : duration(sweepIntervalMs),
    is_sweeping: isSweeping,
    last_sweep_time: lastSweepMs === undefined ? undefined : timestamp(lastSweepMs),
    swept_conversations: swept,
    space: space && {
      allocated_bytes: space.allocatedBytes,
      in_use_bytes: space.inUseBytes,
      given_back_bytes: space.givenBackBytes,
      is_giving_back: space.isGivingBack,
      unsupported: space.unsupported ?? '',
    },
  };
}

function auditFields(event: RecordedEvent): R.AuditEvent {
  const { number, timeMs, identity, peer, method, vault, ids, idCount, result, repeated } = event;
  return {
    number,
    time: timestamp(timeMs),
    identity,
    peer,
    method,
    vault,
    ids: [...ids],
    id_count: idCount,
    result,
    repeated,
  };
}

const states = {
  open: R.VaultState.OPEN,
  closed: R.VaultState.CLOSED,
  readOnly: R.VaultState.READ_ONLY,
  failed: R.VaultState.FAILED,
} as const satisfies Record<VaultDescription['state'], number>;

function vaultFields({
  name,
  vaultId,
  createTimeMs,
  settings,
  state,
  cause,
  work = [],
}: VaultDescription): R.Vault {
  return {
    name,
    vault_id: vaultId,
    create_time: createTimeMs === undefined ? undefined : timestamp(createTimeMs),
    settings: {
      prefix_index: settings.prefixIndex,
      auto_compact: settings.autoCompact,
      quota_bytes: settings.quotaBytes,
      labels: settings.labels && { keys: [...settings.labels] },
      lifetime: settings.lifetimeMs === undefined ? undefined : duration(settings.lifetimeMs),
      lifetimes: settings.lifetimes && {
        lifetimes: settings.lifetimes.map(({ label, value, lifetimeMs }) => ({
          label,
          value,
          lifetime: duration(lifetimeMs),
        })),
      },
      keep: settings.keep && { labels: [...settings.keep] },
      conversations_max: settings.conversationsMax,
      content_bytes_max: settings.contentBytesMax,
      keep_usage: settings.keepUsageMs === undefined ? undefined : duration(settings.keepUsageMs),
    },
    state: states[state],
    cause,
    work: work.map(({ task, startMs }) => ({ task, start_time: timestamp(startMs) })),
  };
}
