import {
  type CompactOptions,
  type CompactPart,
  fromWireCompact,
  fromWireRegistries,
  type RegistryInfo,
  type WireCompactResponse,
  type WireRegistries,
} from './compaction.js';
import { method, type Method } from './contract.js';
import { ConversationClient } from './conversation-client.js';
import { fromUint64, toUint64, toWireTime } from './numbers.js';
import { checkConnectOptions } from './options.js';
import type * as W from './wire.js';
import { fromWirePreparation } from './wire.js';
import { SegmentClient } from './segment-client.js';
import { Transport } from './transport.js';
import type * as T from './types.js';
import type { CallControl } from './types.js';
import { fromWireVerify, type VerifyOptions, type VerifyPart, type WireVerifyResponse } from './verify.js';

/** The contract's methods, looked up once a client. */
function methods() {
  const maintenance = <R>(name: string): Method<R> => method('MaintenanceService', name);
  return {
    collect: maintenance<W.WireCollectResponse>('CollectGarbage'),
    compact: maintenance<WireCompactResponse>('CompactSubstrings'),
    registries: maintenance<WireRegistries>('ListRegistries'),
    verify: maintenance<WireVerifyResponse>('VerifyVault'),
    backup: maintenance<{ readonly data: Buffer }>('BackupVault'),
    stats: maintenance<Record<keyof T.Stats, string>>('GetStats'),
    capabilities: maintenance<W.WireCapabilities>('GetCapabilities'),
  };
}

/**
 * A connection to a server. Calls reject with ClientError; RangeError or TypeError for arguments that no
 * server would see as they were meant. Reads, and stores under an id, are tried again while no server answers.
 */
export class StowkenClient extends ConversationClient {
  readonly segments: SegmentClient;
  private readonly methods = methods();

  constructor(options: T.ConnectOptions) {
    const checked = checkConnectOptions(options);
    const { vault } = checked;
    const transport = new Transport(checked);
    super(transport, vault);
    this.segments = new SegmentClient(transport, vault);
  }

  async *collectGarbage(options: T.CollectGarbageOptions = {}): AsyncGenerator<T.CollectPart, void, void> {
    const { dryRun = false, minAgeMs, reportPreparation = false, ...control } = options;
    const request = {
      vault: this.vault,
      dryRun,
      reportPreparation,
      ...(minAgeMs !== undefined && { minAge: toWireTime('age', minAgeMs) }),
    };
    for await (const message of this.transport.stream(this.methods.collect, request, control, false)) {
      const kind = message.part;
      if (kind === undefined) continue;
      if (kind === 'preparation') {
        yield fromWirePreparation(message.preparation!);
        continue;
      }
      const figures = message[kind]!;
      const segments = fromUint64('segments', figures.segments);
      const bytes = fromUint64('bytes', figures.bytes);
      if (kind !== 'summary') yield { kind, segments, bytes };
      else {
        const keptSegments = fromUint64('kept_segments', message.summary!.keptSegments);
        yield { kind, segments, bytes, keptSegments };
      }
    }
  }

  /** A plan, progress after every committed batch, a summary. */
  async *compactSubstrings(options: CompactOptions = {}): AsyncGenerator<CompactPart, void, void> {
    const { dryRun = false, minSavingsRatio, resumeToken = '', timeMsMax, ...rest } = options;
    const { segmentsMax = 0, bytesMax = 0, reportPreparation = false, ...control } = rest;
    const request = {
      vault: this.vault,
      dryRun,
      reportPreparation,
      resumeToken,
      segmentsMax: toUint64('segments_max', segmentsMax),
      bytesMax: toUint64('bytes_max', bytesMax),
      ...(minSavingsRatio !== undefined && { minSavingsRatio }),
      ...(timeMsMax !== undefined && { timeMax: toWireTime('time_max', timeMsMax) }),
    };
    for await (const message of this.transport.stream(this.methods.compact, request, control, false)) {
      const part = fromWireCompact(message);
      if (part !== undefined) yield part;
    }
  }

  async listRegistries(control: CallControl = {}): Promise<RegistryInfo[]> {
    const request = { vault: this.vault };
    return fromWireRegistries(await this.transport.unary(this.methods.registries, request, control, true));
  }

  /** Changes nothing unless it repairs; what is wrong is told when all has been looked at. */
  async *verify(options: VerifyOptions = {}): AsyncGenerator<VerifyPart, void, void> {
    const { repair = false, ...control } = options;
    const request = { vault: this.vault, repair };
    for await (const message of this.transport.stream(this.methods.verify, request, control, true)) {
      const part = fromWireVerify(message);
      if (part !== undefined) yield part;
    }
  }

  /** One state of the vault, a chunk at a time: it is whole when the generator ends without an error. */
  async *backup(control: CallControl = {}): AsyncGenerator<Uint8Array, void, void> {
    const request = { vault: this.vault };
    for await (const { data } of this.transport.stream(this.methods.backup, request, control, true)) {
      yield data;
    }
  }

  async stats(control: CallControl = {}): Promise<T.Stats> {
    const response = await this.transport.unary(this.methods.stats, { vault: this.vault }, control, true);
    const entries = Object.entries(response).map(([name, value]) => [name, fromUint64(name, value)]);
    return Object.fromEntries(entries) as Record<keyof T.Stats, number>;
  }

  async capabilities(control: CallControl = {}): Promise<T.Capabilities> {
    const request = { vault: this.vault };
    const response = await this.transport.unary(this.methods.capabilities, request, control, true);
    const limits = Object.entries(response.limits).map(([name, value]) => [name, fromUint64(name, value)]);
    return { ...response, limits: Object.fromEntries(limits) as Record<string, number> };
  }

  /** Ends the connection; calls under way fail. */
  close(): void {
    this.transport.close();
  }
}

/**
 * A client of one server. It connects with the first call.
 * @throws ClientError INVALID_FIELD for options that are none, with the option's name in metadata.field
 */
export function connect(options: T.ConnectOptions): StowkenClient {
  return new StowkenClient(options);
}
