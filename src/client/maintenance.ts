import {
  type CompactOptions,
  type CompactPart,
  fromWireCompact,
  fromWireRegistries,
  type RegistryInfo,
} from './compaction.js';
import { method } from './contract.js';
import { type EraseOptions, type ErasePart, fromWireErase } from './erasure.js';
import type * as W from './generated/responses.js';
import { fromUint64, toUint64, toWireTime } from './numbers.js';
import { fromWirePreparation } from './preparation.js';
import { withKnownFields } from './request-fields.js';
import type { Transport } from './transport.js';
import type { Capabilities, CollectGarbageOptions, CollectPart, Stats } from './maintenance-types.js';
import type { CallControl } from './connection-types.js';
import { fromWireVerify, type VerifyOptions, type VerifyPart } from './verify.js';

/** Methods of the contract, looked up once per process. */
function methods() {
  return {
    collect: method('MaintenanceService', 'CollectGarbage'),
    compact: method('MaintenanceService', 'CompactSubstrings'),
    erase: method('MaintenanceService', 'EraseConversations'),
    registries: method('MaintenanceService', 'ListRegistries'),
    verify: method('MaintenanceService', 'VerifyVault'),
    backup: method('MaintenanceService', 'BackupVault'),
    stats: method('MaintenanceService', 'GetStats'),
    capabilities: method('MaintenanceService', 'GetCapabilities'),
  };
}

/** Maintenance of a vault, and its figures. */
export function maintenance(transport: Transport, vault: string) {
  const known = methods();
  return {
    async *collectGarbage(options: CollectGarbageOptions = {}): AsyncGenerator<CollectPart, void, void> {
      const {
        dryRun = false,
        minAgeMs,
        reportPreparation = false,
        ...control
      } = withKnownFields('collectGarbage', options);
      const request = {
        vault,
        dryRun,
        reportPreparation,
        minAge: toWireTime('age', minAgeMs),
      };
      for await (const message of transport.stream(known.collect, request, control, false)) {
        const part = fromWireCollect(message);
        if (part !== undefined) yield part;
      }
    },

    /** Yields a plan, progress after every committed batch, a summary. */
    async *compactSubstrings(options: CompactOptions = {}): AsyncGenerator<CompactPart, void, void> {
      const {
        dryRun = false,
        minSavingsRatio,
        resumeToken = '',
        timeMsMax,
        ...rest
      } = withKnownFields('compactSubstrings', options);
      const { segmentsMax = 0, bytesMax = 0, reportPreparation = false, ...control } = rest;
      const request = {
        vault,
        dryRun,
        reportPreparation,
        resumeToken,
        segmentsMax: toUint64('segments_max', segmentsMax),
        bytesMax: toUint64('bytes_max', bytesMax),
        minSavingsRatio,
        timeMax: toWireTime('time_max', timeMsMax),
      };
      for await (const message of transport.stream(known.compact, request, control, false)) {
        const part = fromWireCompact(message);
        if (part !== undefined) yield part;
      }
    },

    /**
     * Erases conversations by ids or by labels: yields how far it is, then a receipt. Interrupted, it is
     * finished by a second call.
     */
    async *erase(options: EraseOptions): AsyncGenerator<ErasePart, void, void> {
      const { ids = [], labels = {}, dryRun = false, waitMs, ...control } = withKnownFields('erase', options);
      const request = { vault, ids, labels, dryRun, wait: toWireTime('wait', waitMs) };
      for await (const message of transport.stream(known.erase, request, control, false)) {
        const part = fromWireErase(message);
        if (part !== undefined) yield part;
      }
    },

    async listRegistries(control: CallControl = {}): Promise<RegistryInfo[]> {
      const request = { vault };
      return fromWireRegistries(await transport.unary(known.registries, request, control, true));
    },

    /** Changes nothing unless it repairs. Violations are reported after everything has been checked. */
    async *verify(options: VerifyOptions = {}): AsyncGenerator<VerifyPart, void, void> {
      const { repair = false, ...control } = withKnownFields('verify', options);
      const request = { vault, repair };
      for await (const message of transport.stream(known.verify, request, control, true)) {
        const part = fromWireVerify(message);
        if (part !== undefined) yield part;
      }
    },

    /**
     * Streams one state of the vault, a chunk at a time. It is complete if the generator ends without an
     * error.
     */
    async *backup(control: CallControl = {}): AsyncGenerator<Uint8Array, void, void> {
      const request = { vault };
      for await (const { data } of transport.stream(known.backup, request, control, true)) {
        yield data;
      }
    },

    async stats(control: CallControl = {}): Promise<Stats> {
      const response = await transport.unary(known.stats, { vault }, control, true);
      const names = Object.keys(response) as (keyof W.GetStatsResponse)[];
      const figures = names.map((name) => [name, fromUint64(name, response[name])]);
      return Object.fromEntries(figures) as Record<keyof W.GetStatsResponse, number>;
    },

    async capabilities(control: CallControl = {}): Promise<Capabilities> {
      const request = { vault };
      const response = await transport.unary(known.capabilities, request, control, true);
      const limits = Object.entries(response.limits).map(([name, value]) => [name, fromUint64(name, value)]);
      return { ...response, limits: Object.fromEntries(limits) as Record<string, number> };
    },
  };
}

export type Maintenance = ReturnType<typeof maintenance>;

function fromWireCollect(message: W.CollectGarbageResponse): CollectPart | undefined {
  switch (message.part) {
    case undefined:
      return undefined;
    case 'preparation':
      return fromWirePreparation(message.preparation);
    case 'plan':
      return { kind: 'plan', ...fromWireFigures(message.plan) };
    case 'progress':
      return { kind: 'progress', ...fromWireFigures(message.progress) };
    case 'summary': {
      const { keptSegments } = message.summary;
      return {
        kind: 'summary',
        ...fromWireFigures(message.summary),
        keptSegments: fromUint64('kept_segments', keptSegments),
      };
    }
  }
}

function fromWireFigures({ segments, bytes }: W.GarbagePlan) {
  return { segments: fromUint64('segments', segments), bytes: fromUint64('bytes', bytes) };
}
