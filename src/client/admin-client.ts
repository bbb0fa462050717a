import { method } from './contract.js';
import type * as W from './generated/responses.js';
import { fromUint64, fromWireTime, toUint64, toWireTime } from './numbers.js';
import { withKnownFields } from './request-fields.js';
import type { Transport } from './transport.js';
import type { CallControl } from './connection-types.js';
import type {
  AuditEvent,
  AuditFilter,
  DiskSpace,
  Retention,
  VaultInfo,
  VaultSettings,
} from './vault-types.js';

/** Methods of the contract, looked up once per process. */
function methods() {
  return {
    create: method('AdminService', 'CreateVault'),
    get: method('AdminService', 'GetVault'),
    retention: method('AdminService', 'GetRetention'),
    update: method('AdminService', 'UpdateVault'),
    list: method('AdminService', 'ListVaults'),
    delete: method('AdminService', 'DeleteVault'),
    audit: method('AdminService', 'ListAuditEvents'),
  };
}

/** Vaults of a server. */
export class AdminClient {
  private readonly methods = methods();

  constructor(
    private readonly transport: Transport,
    /** Vault of the client. */
    private readonly vault = 'default',
  ) {}

  /** Durable when it resolves. Rejects with VAULT_EXISTS, INVALID_FIELD. */
  async createVault(
    vault: string,
    options: CallControl & { readonly settings?: VaultSettings } = {},
  ): Promise<VaultInfo> {
    const { settings = {}, ...control } = withKnownFields('createVault', options);
    const request = { vault, settings: toWireSettings(settings) };
    return fromWireVault((await this.transport.unary(this.methods.create, request, control, false)).vault);
  }

  /** Returns a vault, the client's own by default. Rejects with VAULT_NOT_FOUND. */
  async getVault(vault = this.vault, control: CallControl = {}): Promise<VaultInfo> {
    return fromWireVault((await this.transport.unary(this.methods.get, { vault }, control, true)).vault);
  }

  /** Returns how much is to be deleted and still stored. Rejects with VAULT_NOT_FOUND. */
  async getRetention(options: CallControl & { readonly vault?: string } = {}): Promise<Retention> {
    const { vault = this.vault, ...control } = withKnownFields('vault', options);
    const found = await this.transport.unary(this.methods.retention, { vault }, control, true);
    const { isLowerBound, isAboveLimit, isSweeping } = found;
    return {
      expired: fromUint64('expired_conversations', found.expiredConversations),
      isLowerBound,
      isAboveLimit,
      sweepIntervalMs: fromWireTime('sweep_interval', found.sweepInterval) ?? 0,
      isSweeping,
      lastSweepMs: fromWireTime('last_sweep_time', found.lastSweepTime),
      swept: fromUint64('swept_conversations', found.sweptConversations),
      space: found.space ? fromWireSpace(found.space) : undefined,
    };
  }

  /** Changes settings; those of `reset` become as the server was started. Rejects with VAULT_NOT_FOUND. */
  async updateVault(
    vault: string,
    options: CallControl & {
      readonly settings?: VaultSettings;
      readonly reset?: readonly (keyof VaultSettings)[];
    },
  ): Promise<VaultInfo> {
    const { settings = {}, reset = [], ...control } = withKnownFields('updateVault', options);
    const names = reset.map((name) =>
      name.replace(/Ms$/, '').replace(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`),
    );
    const request = { vault, settings: toWireSettings(settings), reset: names };
    return fromWireVault((await this.transport.unary(this.methods.update, request, control, true)).vault);
  }

  /** Yields the vaults by name. */
  async *listVaults(control: CallControl = {}): AsyncGenerator<VaultInfo, void, void> {
    let pageToken = '';
    do {
      const request = { pageSize: 1000, pageToken };
      const page = await this.transport.unary(this.methods.list, request, control, true);
      yield* page.vaults.map(fromWireVault);
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
  }

  /** Yields events of the audit log, newest first. Rejects with AUDIT_LOG_OFF. */
  async *listAuditEvents(options: AuditFilter & CallControl = {}): AsyncGenerator<AuditEvent, void, void> {
    const { vault, identity, startMs, endMs, ...control } = withKnownFields('audit', options);
    let pageToken = '';
    do {
      const request = {
        vault,
        identity,
        startTime: toWireTime('start_time', startMs),
        endTime: toWireTime('end_time', endMs),
        pageSize: 1000,
        pageToken,
      };
      const page = await this.transport.unary(this.methods.audit, request, control, true);
      yield* page.events.map(fromWireEvent);
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
  }

  /** Deletes a vault with everything in it. Rejects with VAULT_NOT_FOUND. */
  async deleteVault(vault: string, control: CallControl = {}): Promise<void> {
    await this.transport.unary(this.methods.delete, { vault, confirmVault: vault }, control, false);
  }
}

function toWireSettings(settings: VaultSettings) {
  const { prefixIndex, autoCompact, quotaBytes, labels, lifetimeMs, lifetimes, keep } = withKnownFields(
    'settings',
    settings,
    'settings',
  );
  const { conversationsMax, contentBytesMax, keepUsageMs } = settings;
  const number = (name: string, value: number | undefined) =>
    value === undefined ? undefined : toUint64(name, value);
  return {
    labels: labels && { keys: labels },
    prefixIndex,
    autoCompact,
    quotaBytes: number('quota_bytes', quotaBytes),
    lifetime: toWireTime('lifetime', lifetimeMs),
    lifetimes: lifetimes && {
      lifetimes: lifetimes.map((rule, index) => {
        const { lifetimeMs: ms, ...where } = withKnownFields(
          'lifetime',
          rule,
          `settings.lifetimes[${index}]`,
        );
        return { ...where, lifetime: toWireTime('lifetime', ms) };
      }),
    },
    keep: keep && {
      labels: keep.map((each, index) => withKnownFields('label', each, `settings.keep[${index}]`)),
    },
    conversationsMax: number('conversations_max', conversationsMax),
    contentBytesMax: number('content_bytes_max', contentBytesMax),
    keepUsage: toWireTime('keep_usage', keepUsageMs),
  };
}

function fromWireEvent(event: W.AuditEvent): AuditEvent {
  const { number, time, identity, peer, method: name, vault, ids, idCount, result, repeated } = event;
  return {
    number: fromUint64('number', number),
    timeMs: fromWireTime('time', time) ?? 0,
    identity,
    peer,
    method: name,
    vault,
    ids,
    idCount: fromUint64('id_count', idCount),
    result,
    repeated: fromUint64('repeated', repeated),
  };
}

const states: Readonly<Record<string, VaultInfo['state']>> = {
  VAULT_STATE_OPEN: 'open',
  VAULT_STATE_CLOSED: 'closed',
  VAULT_STATE_READ_ONLY: 'readOnly',
  VAULT_STATE_FAILED: 'failed',
};

function fromWireVault(vault: W.Vault | null): VaultInfo {
  const { name, vaultId, createTime, settings, state, cause, work } = vault!;
  const { prefixIndex, autoCompact, quotaBytes, labels, lifetime, lifetimes, keep } = settings ?? {};
  const { conversationsMax, contentBytesMax, keepUsage } = settings ?? {};
  return {
    name,
    vaultId,
    createTimeMs: fromWireTime('create_time', createTime),
    settings: {
      ...(typeof prefixIndex === 'boolean' && { prefixIndex }),
      ...(typeof autoCompact === 'boolean' && { autoCompact }),
      ...(labels && { labels: labels.keys }),
      ...(typeof quotaBytes === 'string' && { quotaBytes: fromUint64('quota_bytes', quotaBytes) }),
      ...(lifetime && { lifetimeMs: fromWireTime('lifetime', lifetime)! }),
      ...(lifetimes && {
        lifetimes: lifetimes.lifetimes.map(({ lifetime: each, ...where }) => ({
          ...where,
          lifetimeMs: fromWireTime('lifetime', each) ?? 0,
        })),
      }),
      ...(keep && { keep: keep.labels }),
      ...(typeof conversationsMax === 'string' && {
        conversationsMax: fromUint64('conversations_max', conversationsMax),
      }),
      ...(typeof contentBytesMax === 'string' && {
        contentBytesMax: fromUint64('content_bytes_max', contentBytesMax),
      }),
      ...(keepUsage && { keepUsageMs: fromWireTime('keep_usage', keepUsage)! }),
    },
    state: states[state] ?? 'closed',
    cause,
    work: work.map(({ task, startTime }) => ({ task, startTimeMs: fromWireTime('start_time', startTime)! })),
  };
}

function fromWireSpace(space: W.DiskSpace): DiskSpace {
  return {
    allocatedBytes: fromUint64('allocated_bytes', space.allocatedBytes),
    inUseBytes: fromUint64('in_use_bytes', space.inUseBytes),
    givenBackBytes: fromUint64('given_back_bytes', space.givenBackBytes),
    isGivingBack: space.isGivingBack,
    unsupported: space.unsupported === '' ? undefined : space.unsupported,
  };
}
