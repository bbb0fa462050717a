import { type MessageRecord, type SegmentHash, segmentHashOf, StowkenError } from '../../../model/index.js';
import type { Manifest } from '../layout/manifest-record.js';

type Fields = Readonly<Record<string, unknown>>;

/** Returns the token count of a stored segment; it takes precedence over a manifest's. */
export type TokenCountOf = (hash: SegmentHash) => number | undefined;

const SEED_VERSION = 1;

/**
 * Decodes a conversation as the Rust library stored it, by the names that its fields have or may have. Absent
 * fields are empty; present ones that are not understood are refused. `number` is left to the caller, who
 * knows the order.
 * @throws StowkenError CORRUPT_STORE, STORE_VERSION
 */
export function decodeRustV1Manifest(
  bytes: Uint8Array,
  fileName: string,
  tokenCountOf: TokenCountOf,
): Omit<Manifest, 'number'> {
  const manifest = parseObject(bytes);
  const version = countOf(manifest, 'schema_version') ?? SEED_VERSION;
  if (version !== SEED_VERSION) {
    const message = `${fileName} has schema version ${version}; without vault.json only 1 is read`;
    throw new StowkenError('STORE_VERSION', message, { version: String(version) });
  }
  const messages = decodeMessages(manifest, tokenCountOf);
  const segments = messages.flatMap((message) => message.segments);
  const createTimeMs = timeOf(manifest, 'created_at', 'create_time', 'timestamp') ?? 0;
  return {
    conversation: {
      id: textOf(manifest, 'id', 'conversation_id') || fileName.replace(/\.json$/, ''),
      application: textOf(manifest, 'application'),
      model: textOf(manifest, 'model'),
      tokenizer: textOf(manifest, 'tokenizer'),
      parentId: textOf(manifest, 'parent_id'),
      expireTimeMs: timeOf(manifest, 'expires_at', 'expire_time'),
      metadata: metadataOf(manifest['metadata']),
      revision: 1,
      totalTokens: segments.reduce((sum, { tokenCount }) => sum + tokenCount, 0),
      messageCount: messages.length,
      createTimeMs,
      storeTimeMs: createTimeMs,
      updateTimeMs: timeOf(manifest, 'updated_at', 'update_time') ?? createTimeMs,
    },
    messages,
  };
}

/** Returns the segment's token count from its sidecar; undefined if it has none. */
export function decodeRustV1Sidecar(bytes: Uint8Array): number | undefined {
  return countOf(parseObject(bytes), 'token_count', 'original_token_count', 'tokens');
}

/**
 * Decodes messages with their segments, or segments that name their message; otherwise each segment is a
 * message.
 */
function decodeMessages(manifest: Fields, tokenCountOf: TokenCountOf): MessageRecord[] {
  const list = first(manifest, 'messages', 'turns', 'segments') ?? [];
  if (!Array.isArray(list)) throw corrupt('its messages are not a list');
  const messages = new Map<unknown, MessageRecord>();
  for (const [index, entry] of list.entries()) {
    if (!isFields(entry)) {
      messages.set(index, { ...speakerOf({}), segments: [decodeSegment(entry, tokenCountOf)] });
      continue;
    }
    const key = first(entry, 'message_index', 'turn_index') ?? index;
    const before = messages.get(key);
    const segments = [...(before?.segments ?? []), ...segmentsOf(entry, tokenCountOf)];
    messages.set(key, { ...(before ?? speakerOf(entry)), segments });
  }
  return [...messages.values()];
}

function speakerOf(entry: Fields) {
  return {
    role: textOf(entry, 'role'),
    name: textOf(entry, 'name'),
    toolCallId: textOf(entry, 'tool_call_id'),
  };
}

function segmentsOf(entry: Fields, tokenCountOf: TokenCountOf): MessageRecord['segments'] {
  const several = first(entry, 'segments', 'segment_hashes');
  if (several !== undefined) {
    if (!Array.isArray(several)) throw corrupt('the segments of a message are not a list');
    return several.map((each) => decodeSegment(each, tokenCountOf));
  }
  const one = first(entry, 'hash', 'segment_hash', 'segment');
  if (one === undefined) return [];
  return [decodeSegment(isFields(one) ? one : { ...entry, hash: one }, tokenCountOf)];
}

function decodeSegment(value: unknown, tokenCountOf: TokenCountOf): MessageRecord['segments'][number] {
  const fields = isFields(value) ? value : { hash: value };
  const hash = decodeHash(first(fields, 'hash', 'segment_hash'));
  const declared = countOf(fields, 'token_count', 'original_token_count', 'tokens');
  return { hash, tokenCount: tokenCountOf(hash) ?? declared ?? 0 };
}

/** Accepts 64 hex digits, or 32 bytes. */
function decodeHash(value: unknown): SegmentHash {
  if (typeof value === 'string' && /^[0-9a-fA-F]{64}$/.test(value)) return value.toLowerCase() as SegmentHash;
  const isByte = (each: unknown) => Number.isInteger(each) && Number(each) >= 0 && Number(each) <= 255;
  if (Array.isArray(value) && value.length === 32 && value.every(isByte)) {
    return segmentHashOf(Buffer.from(value as number[]));
  }
  throw corrupt('it names a segment by something that is not a SHA-256');
}

function metadataOf(value: unknown): Record<string, string> {
  if (value === undefined || value === null) return {};
  if (!isFields(value)) throw corrupt('its metadata is not an object');
  const entries = Object.entries(value).map(([name, each]) => [
    name,
    typeof each === 'string' ? each : JSON.stringify(each),
  ]);
  return Object.fromEntries(entries) as Record<string, string>;
}

function textOf(fields: Fields, ...names: readonly string[]): string {
  const value = first(fields, ...names) ?? '';
  if (typeof value === 'string') return value;
  throw corrupt(`its ${names[0]} is not a text`);
}

/** Accepts RFC 3339, or milliseconds since 1970. */
function timeOf(fields: Fields, ...names: readonly string[]): number | undefined {
  const value = first(fields, ...names);
  if (value === undefined) return undefined;
  const timeMs = typeof value === 'string' ? Date.parse(value) : value;
  if (typeof timeMs === 'number' && Number.isFinite(timeMs)) return Math.trunc(timeMs);
  throw corrupt(`its ${names[0]} is not a time`);
}

function countOf(fields: Fields, ...names: readonly string[]): number | undefined {
  const value = first(fields, ...names);
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw corrupt(`its ${names[0]} is not a count`);
}

/** Returns the value of the first of these fields that is present and not null. */
function first(fields: Fields, ...names: readonly string[]): unknown {
  const name = names.find((each) => fields[each] !== undefined && fields[each] !== null);
  return name === undefined ? undefined : fields[name];
}

function parseObject(bytes: Uint8Array): Fields {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (error) {
    throw corrupt(`it is not JSON: ${(error as Error).message}`);
  }
  if (isFields(value)) return value;
  throw corrupt('it is not a JSON object');
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function corrupt(detail: string): StowkenError {
  return new StowkenError('CORRUPT_STORE', detail);
}
