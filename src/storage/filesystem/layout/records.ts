import { createHash } from 'node:crypto';
import { z } from 'zod';
import { type SegmentHash, StowkenError } from '../../../model/index.js';
import { decodeResult, encodeResult } from '../../shared/change-results.js';
import type { ChangeResult } from '../../contract/change.js';
import { hash, milliseconds, openRecord, recordOf, sealRecord, sha256Hex, whole } from './sealed-record.js';

const vaultSchema = recordOf({
  vault_id: z.string().regex(/^[0-9a-f]{32}$/),
  next_segment: whole.min(1),
  next_conversation: whole.min(1),
  last_create_time_ms: whole,
});

const segmentSchema = recordOf({
  id: whole.min(1),
  hash,
  token_count: whole,
  frame_bytes: whole,
  /** 0: the frame names no registry. */
  registry_id: whole,
  unreferenced_since_ms: milliseconds,
});

const holdersSchema = recordOf({
  hash,
  holders: z.array(z.string()).min(1),
});

const registrySchema = recordOf({
  id: whole.min(1),
  create_time_ms: milliseconds,
  /** Checksum of the registry's bytes. */
  sha256: sha256Hex,
});

const requestSchema = recordOf({
  id: z.string().min(1),
  digest: z.string().regex(/^[0-9a-f]{32}$/),
  time_ms: milliseconds,
  /** A change's result as JSON. */
  result: z.string(),
});

/** Record of the vault as a whole. */
export interface VaultRecord {
  readonly vaultId: string;
  /** Lowest unused numbers of segments and conversations, from 1. */
  readonly nextSegment: number;
  readonly nextConversation: number;
  readonly lastStoreTimeMs: number;
}

/** A segment's sidecar. */
export interface SegmentRecord {
  readonly id: number;
  readonly hash: SegmentHash;
  readonly tokenCount: number;
  readonly frameBytes: number;
  /** Id of the registry that the frame names; 0 for none. */
  readonly registryId: number;
  /** Time at which it lost its last reference; without meaning while it has one. */
  readonly unreferencedSinceMs: number;
}

export interface RegistryRecord {
  readonly id: number;
  readonly createTimeMs: number;
}

/** A change that was made under a request id. */
export interface RequestRecord {
  readonly id: string;
  readonly digest: string;
  readonly timeMs: number;
  readonly result: ChangeResult;
}

export function encodeVault(record: VaultRecord): Uint8Array {
  return sealRecord({
    vault_id: record.vaultId,
    next_segment: record.nextSegment,
    next_conversation: record.nextConversation,
    last_create_time_ms: record.lastStoreTimeMs,
  });
}

/** @throws StowkenError CORRUPT_STORE, STORE_VERSION */
export function decodeVault(bytes: Uint8Array): VaultRecord {
  const record = openRecord(vaultSchema, bytes);
  return {
    vaultId: record.vault_id,
    nextSegment: record.next_segment,
    nextConversation: record.next_conversation,
    lastStoreTimeMs: record.last_create_time_ms,
  };
}

export function encodeSegment(record: SegmentRecord): Uint8Array {
  return sealRecord({
    id: record.id,
    hash: record.hash,
    token_count: record.tokenCount,
    frame_bytes: record.frameBytes,
    registry_id: record.registryId,
    unreferenced_since_ms: record.unreferencedSinceMs,
  });
}

/** @throws StowkenError CORRUPT_STORE, STORE_VERSION */
export function decodeSegment(bytes: Uint8Array): SegmentRecord {
  const record = openRecord(segmentSchema, bytes);
  return {
    id: record.id,
    hash: record.hash,
    tokenCount: record.token_count,
    frameBytes: record.frame_bytes,
    registryId: record.registry_id,
    unreferencedSinceMs: record.unreferenced_since_ms,
  };
}

/** Encodes the outside holders of a segment, in a fixed order. */
export function encodeHolders(segment: SegmentHash, holders: ReadonlySet<string>): Uint8Array {
  return sealRecord({ hash: segment, holders: [...holders].sort() });
}

/** @throws StowkenError CORRUPT_STORE, also if they are another segment's; STORE_VERSION */
export function decodeHolders(bytes: Uint8Array, segment: SegmentHash): string[] {
  const record = openRecord(holdersSchema, bytes);
  if (record.hash !== segment) throw new StowkenError('CORRUPT_STORE', `it is segment ${record.hash}'s`);
  return record.holders;
}

/** Encodes a registry's sidecar, with its checksum. */
export function encodeRegistry(record: RegistryRecord, registry: Uint8Array): Uint8Array {
  return sealRecord({
    id: record.id,
    create_time_ms: record.createTimeMs,
    sha256: sha256(registry),
  });
}

/** @throws StowkenError CORRUPT_STORE, also if it is not this registry's; STORE_VERSION */
export function decodeRegistry(bytes: Uint8Array, id: number, registry: Uint8Array): RegistryRecord {
  const record = openRecord(registrySchema, bytes);
  if (record.id !== id) throw new StowkenError('CORRUPT_STORE', `it is registry ${record.id}'s`);
  if (record.sha256 !== sha256(registry)) {
    throw new StowkenError('CORRUPT_STORE', 'the registry does not have its checksum');
  }
  return { id, createTimeMs: record.create_time_ms };
}

export function encodeRequest({ id, digest, timeMs, result }: RequestRecord): Uint8Array {
  return sealRecord({
    id,
    digest,
    time_ms: timeMs,
    result: encodeResult(result),
  });
}

/** @throws StowkenError CORRUPT_STORE, STORE_VERSION */
export function decodeRequest(bytes: Uint8Array): RequestRecord {
  const { id, digest, time_ms: timeMs, result } = openRecord(requestSchema, bytes);
  return { id, digest, timeMs, result: decodeResult(result) };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
