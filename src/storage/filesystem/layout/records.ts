import { createHash } from 'node:crypto';
import { z } from 'zod';
import { StowkenError, type Conversation, type MessageRecord } from '../../../model/index.js';
import { decodeResult, encodeResult } from '../../change-results.js';
import type { ChangeResult } from '../../change.js';
import { openJson, sealJson } from './sealed-json.js';

/** Of every record that this version writes. Version 1 is the seed's. */
export const SCHEMA_VERSION = 2;

const whole = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const milliseconds = z.number().int();
const hash = z.string().regex(/^[0-9a-f]{64}$/);
const version = z.literal(SCHEMA_VERSION);

const vaultSchema = z.strictObject({
  schema_version: version,
  vault_id: z.string().regex(/^[0-9a-f]{32}$/),
  next_segment: whole.min(1),
  next_conversation: whole.min(1),
  last_create_time_ms: whole,
});

const segmentSchema = z.strictObject({
  schema_version: version,
  id: whole.min(1),
  hash,
  token_count: whole,
  frame_bytes: whole,
  /** 0: the frame names none. */
  registry_id: whole,
  unreferenced_since_ms: milliseconds,
});

const holdersSchema = z.strictObject({
  schema_version: version,
  hash,
  holders: z.array(z.string()).min(1),
});

const registrySchema = z.strictObject({
  schema_version: version,
  id: whole.min(1),
  create_time_ms: milliseconds,
  /** Of the registry's bytes. */
  sha256: hash,
});

const requestSchema = z.strictObject({
  schema_version: version,
  id: z.string().min(1),
  digest: z.string().regex(/^[0-9a-f]{32}$/),
  time_ms: milliseconds,
  /** A change's result as JSON. */
  result: z.string(),
});

const manifestSchema = z.strictObject({
  schema_version: version,
  number: whole.min(1),
  id: z.string(),
  revision: whole.min(1),
  application: z.string(),
  model: z.string(),
  tokenizer: z.string(),
  parent_id: z.string(),
  expire_time_ms: milliseconds.nullable(),
  create_time_ms: milliseconds,
  update_time_ms: milliseconds,
  /** Pairs, so that any name is an ordinary one. */
  metadata: z.array(z.tuple([z.string(), z.string()])),
  messages: z.array(
    z.strictObject({
      role: z.string(),
      name: z.string(),
      tool_call_id: z.string(),
      segments: z.array(z.strictObject({ hash, token_count: whole })),
    }),
  ),
});

/** What is true of the vault as a whole. */
export interface VaultRecord {
  readonly vaultId: string;
  /** Numbers that were never used: those of segments and conversations, from 1. */
  readonly nextSegment: number;
  readonly nextConversation: number;
  readonly lastCreateTimeMs: number;
}

/** A segment's sidecar. */
export interface SegmentRecord {
  readonly id: number;
  readonly hash: string;
  readonly tokenCount: number;
  readonly frameBytes: number;
  /** The registry that the frame names; 0 for none. */
  readonly registryId: number;
  /** When it last had no reference; of meaning only while it has none. */
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

export interface Manifest {
  /** Its place in creation order. */
  readonly number: number;
  readonly conversation: Conversation;
  readonly messages: readonly MessageRecord[];
}

export function encodeVault(record: VaultRecord): Uint8Array {
  return sealJson({
    schema_version: SCHEMA_VERSION,
    vault_id: record.vaultId,
    next_segment: record.nextSegment,
    next_conversation: record.nextConversation,
    last_create_time_ms: record.lastCreateTimeMs,
  });
}

/** @throws StowkenError CORRUPT_STORE, STORE_VERSION */
export function decodeVault(bytes: Uint8Array): VaultRecord {
  const record = parse(vaultSchema, bytes);
  return {
    vaultId: record.vault_id,
    nextSegment: record.next_segment,
    nextConversation: record.next_conversation,
    lastCreateTimeMs: record.last_create_time_ms,
  };
}

export function encodeSegment(record: SegmentRecord): Uint8Array {
  return sealJson({
    schema_version: SCHEMA_VERSION,
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
  const record = parse(segmentSchema, bytes);
  return {
    id: record.id,
    hash: record.hash,
    tokenCount: record.token_count,
    frameBytes: record.frame_bytes,
    registryId: record.registry_id,
    unreferencedSinceMs: record.unreferenced_since_ms,
  };
}

/** Who holds a segment besides manifests; in a fixed order. */
export function encodeHolders(segment: string, holders: ReadonlySet<string>): Uint8Array {
  return sealJson({ schema_version: SCHEMA_VERSION, hash: segment, holders: [...holders].sort() });
}

/** @throws StowkenError CORRUPT_STORE, also when they are another segment's; STORE_VERSION */
export function decodeHolders(bytes: Uint8Array, segment: string): string[] {
  const record = parse(holdersSchema, bytes);
  if (record.hash !== segment) throw new StowkenError('CORRUPT_STORE', `it is segment ${record.hash}'s`);
  return record.holders;
}

/** A registry's sidecar, which has its checksum. */
export function encodeRegistry(record: RegistryRecord, registry: Uint8Array): Uint8Array {
  return sealJson({
    schema_version: SCHEMA_VERSION,
    id: record.id,
    create_time_ms: record.createTimeMs,
    sha256: sha256(registry),
  });
}

/** @throws StowkenError CORRUPT_STORE, also when it is not this registry's; STORE_VERSION */
export function decodeRegistry(bytes: Uint8Array, id: number, registry: Uint8Array): RegistryRecord {
  const record = parse(registrySchema, bytes);
  if (record.id !== id) throw new StowkenError('CORRUPT_STORE', `it is registry ${record.id}'s`);
  if (record.sha256 !== sha256(registry)) {
    throw new StowkenError('CORRUPT_STORE', 'the registry does not have its checksum');
  }
  return { id, createTimeMs: record.create_time_ms };
}

export function encodeRequest({ id, digest, timeMs, result }: RequestRecord): Uint8Array {
  return sealJson({
    schema_version: SCHEMA_VERSION,
    id,
    digest,
    time_ms: timeMs,
    result: encodeResult(result),
  });
}

/** @throws StowkenError CORRUPT_STORE, STORE_VERSION */
export function decodeRequest(bytes: Uint8Array): RequestRecord {
  const { id, digest, time_ms: timeMs, result } = parse(requestSchema, bytes);
  return { id, digest, timeMs, result: decodeResult(result) };
}

export function encodeManifest({ number, conversation, messages }: Manifest): Uint8Array {
  return sealJson({
    schema_version: SCHEMA_VERSION,
    number,
    id: conversation.id,
    revision: conversation.revision,
    application: conversation.application,
    model: conversation.model,
    tokenizer: conversation.tokenizer,
    parent_id: conversation.parentId,
    expire_time_ms: conversation.expireTimeMs ?? null,
    create_time_ms: conversation.createTimeMs,
    update_time_ms: conversation.updateTimeMs,
    metadata: Object.entries(conversation.metadata),
    messages: messages.map(({ role, name, toolCallId, segments }) => ({
      role,
      name,
      tool_call_id: toolCallId,
      segments: segments.map((segment) => ({ hash: segment.hash, token_count: segment.tokenCount })),
    })),
  });
}

/** @throws StowkenError CORRUPT_STORE, STORE_VERSION */
export function decodeManifest(bytes: Uint8Array): Manifest {
  const record = parse(manifestSchema, bytes);
  const messages = record.messages.map((message) => ({
    role: message.role,
    name: message.name,
    toolCallId: message.tool_call_id,
    segments: message.segments.map((segment) => ({ hash: segment.hash, tokenCount: segment.token_count })),
  }));
  const segments = messages.flatMap((message) => message.segments);
  return {
    number: record.number,
    conversation: {
      id: record.id,
      application: record.application,
      model: record.model,
      tokenizer: record.tokenizer,
      parentId: record.parent_id,
      expireTimeMs: record.expire_time_ms ?? undefined,
      metadata: Object.fromEntries(record.metadata),
      revision: record.revision,
      totalTokens: segments.reduce((sum, { tokenCount }) => sum + tokenCount, 0),
      messageCount: messages.length,
      createTimeMs: record.create_time_ms,
      updateTimeMs: record.update_time_ms,
    },
    messages,
  };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function parse<T>(schema: z.ZodType<T>, bytes: Uint8Array): T {
  const record = openJson(bytes);
  const found = (record as { schema_version?: unknown }).schema_version;
  if (typeof found === 'number' && found > SCHEMA_VERSION) {
    throw new StowkenError(
      'STORE_VERSION',
      `the vault has schema version ${found}; this version of stowken reads up to ${SCHEMA_VERSION}`,
      { version: String(found), versionMax: String(SCHEMA_VERSION) },
    );
  }
  const result = schema.safeParse(record);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new StowkenError('CORRUPT_STORE', `${issue?.path.join('.') ?? 'it'}: ${issue?.message ?? ''}`);
}
