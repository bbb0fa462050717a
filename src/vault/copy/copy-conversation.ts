import {
  type Conversation,
  type ConversationSpec,
  isStowkenError,
  limits,
  type NamedSegment,
  type SegmentHash,
  withFieldSegments,
} from '../../model/index.js';
import {
  type ConversationSnapshot,
  type KeptState,
  MessagePacker,
  type MessageSequence,
  type NewSegment,
  type SegmentKey,
  sortedEntries,
} from '../../storage/index.js';
import { BlockFingerprints } from '../prefix/index.js';
import type { CopyFault, CopyParts, CopySource } from './types.js';
import type { PutOrder } from './put-order.js';
import type { Turn } from './window.js';

/** Bytes of frames that one commit brings. */
const commitBytes = 4 * 1024 * 1024;

/** Frames that were copied. */
export interface CopyCounts {
  segments: number;
  frameBytes: number;
}

/**
 * True if a copy has the state of its conversation. Its store time may be a later one: a storage whose lists
 * go by numbers lets none be before that of the newest conversation, and no update before the store.
 */
export function isSameState(copy: Conversation, original: Conversation): boolean {
  return (
    copy.revision === original.revision &&
    copy.storeTimeMs >= original.storeTimeMs &&
    copy.updateTimeMs === Math.max(original.updateTimeMs, copy.storeTimeMs) &&
    copy.createTimeMs === original.createTimeMs &&
    copy.messageCount === original.messageCount &&
    copy.totalTokens === original.totalTokens
  );
}

/** True if a copy has the fields of its conversation, times and figures left aside. */
export function hasSameFields(copy: Conversation, original: Conversation): boolean {
  return JSON.stringify(fieldsOf(copy)) === JSON.stringify(fieldsOf(original));
}

function fieldsOf(conversation: Conversation): unknown[] {
  const { application, model, tokenizer, parentId, expireTimeMs, metadata } = conversation;
  return [application, model, tokenizer, parentId, expireTimeMs, sortedEntries(metadata)];
}

/**
 * Copies a conversation, in its turn. Resolves to false if the source has it no more. What the target has of
 * it is replaced.
 */
export async function copyConversation(
  parts: CopyParts,
  id: string,
  stored: Conversation | undefined,
  counts: CopyCounts,
  puts: PutOrder,
  turn: Turn,
): Promise<boolean> {
  const { source, target } = parts;
  const snapshot = await source.backend.openConversation(id);
  if (!snapshot) return false;
  // Segments that are brought before the list that names them are garbage until then.
  const release = target.backend.lease();
  try {
    const { conversation } = snapshot;
    const { messages, keys, order } = await readList(source, snapshot);
    const newSegments = await bringSegments(parts, id, keys, counts);
    const prefix = target.indexesPrefixes ? await fingerprintsOf(parts, order) : undefined;
    await turn.begun;
    await puts.passed(conversation);
    // One that was deleted and stored again takes its new place in lists.
    const isStoredAgain = stored !== undefined && stored.storeTimeMs < conversation.storeTimeMs;
    if (isStoredAgain) await target.backend.commit({ delete: { id, timeMs: parts.clock() } });
    const written = target.backend.commit({
      newSegments,
      put: {
        spec: specOf(conversation),
        messages,
        expect: { kind: 'revision', revision: isStoredAgain ? 0 : (stored?.revision ?? 0) },
        timeMs: conversation.storeTimeMs,
        keeps: stateOf(conversation),
        ...(prefix && { prefix }),
      },
    });
    puts.sent(conversation, written);
    turn.end();
    await written;
    return true;
  } finally {
    release();
    snapshot.release();
  }
}

interface ReadList {
  readonly messages: MessageSequence;
  /** Every segment once. */
  readonly keys: ReadonlyMap<SegmentHash, NamedSegment & { readonly key: SegmentKey }>;
  /** Keys of the content's segments, in order. */
  readonly order: readonly SegmentKey[];
}

async function readList({ backend }: CopySource, snapshot: ConversationSnapshot): Promise<ReadList> {
  const packer = new MessagePacker();
  const hashes = new Map<SegmentKey, SegmentHash>();
  const keys = new Map<SegmentHash, NamedSegment & { readonly key: SegmentKey }>();
  const order: SegmentKey[] = [];
  const { messageCount } = snapshot.conversation;
  for (let from = 0; from < messageCount; from += limits.readBatchSlotsMax) {
    const read = await snapshot.read(from, limits.readBatchSlotsMax);
    const named = read.flatMap(({ segments, fields = [] }) => [...segments, ...fields]);
    const asked = [...new Set(named.map(({ key }) => key))].filter((key) => !hashes.has(key));
    for (const [at, hash] of (await backend.readHashes(asked)).entries()) hashes.set(asked[at]!, hash);
    for (const { role, name, toolCallId, segments, fields = [] } of read) {
      const listed = [...segments, ...fields].map(({ key, tokenCount }) => {
        const hash = hashes.get(key)!;
        keys.set(hash, { hash, tokenCount, key });
        return { hash, tokenCount };
      });
      packer.add(withFieldSegments({ role, name, toolCallId, segments: listed }, fields.length));
      for (const { key } of segments) order.push(key);
    }
  }
  return { messages: packer.finish(), keys, order };
}

/**
 * Brings the segments that the target lacks: all but the last commit's worth of them ahead. Returns those for
 * the commit that names them.
 */
async function bringSegments(
  { source, target }: CopyParts,
  id: string,
  keys: ReadList['keys'],
  counts: CopyCounts,
): Promise<NewSegment[]> {
  const all = [...keys.values()];
  const found = await target.backend.findSegments(all.map(({ hash }) => hash));
  const missing = all.filter((_, at) => !found[at]);
  let batch: NewSegment[] = [];
  let bytes = 0;
  for (let at = 0; at < missing.length; at += limits.readBatchSlotsMax) {
    const some = missing.slice(at, at + limits.readBatchSlotsMax);
    const frames = await source.backend.readFrames(some.map(({ key }) => key));
    for (const [index, { hash, tokenCount }] of some.entries()) {
      const frame = frames[index]!;
      if (batch.length > 0 && bytes + frame.length > commitBytes) {
        await target.backend.commit({ newSegments: batch, segmentsOf: id });
        [batch, bytes] = [[], 0];
      }
      batch.push({ hash, tokenCount, frame });
      bytes += frame.length;
      counts.segments += 1;
      counts.frameBytes += frame.length;
    }
  }
  return batch;
}

/** Returns the fingerprints by which the target's prefix index finds the conversation. */
async function fingerprintsOf(
  { source, target }: CopyParts,
  order: readonly SegmentKey[],
): Promise<Uint8Array> {
  const fingerprints = new BlockFingerprints(target.backend.vaultId);
  for (let at = 0; at < order.length; at += limits.readBatchSlotsMax) {
    const frames = await source.backend.readFrames(order.slice(at, at + limits.readBatchSlotsMax));
    for (const frame of frames) fingerprints.push(source.codec.decode(frame));
  }
  return fingerprints.blocks();
}

function specOf(conversation: Conversation): ConversationSpec {
  const { id, application, model, tokenizer, parentId, expireTimeMs, createTimeMs, metadata } = conversation;
  return { id, application, model, tokenizer, parentId, expireTimeMs, createTimeMs, metadata };
}

function stateOf({ revision, storeTimeMs, updateTimeMs }: Conversation): KeptState {
  return { revision, storeTimeMs, updateTimeMs };
}

/** Faults of the content: the rest is copied all the same. Others end the copy. */
const contentFaults = ['SEGMENT_NOT_FOUND', 'CORRUPT_STORE', 'CORRUPT_SEGMENT', 'REGISTRY_CONFLICT'] as const;

/** Returns the fault of a conversation that cannot be read. @throws the error if it is another one */
export function faultOf(id: string, error: unknown): CopyFault {
  const isFault = contentFaults.some((reason) => isStowkenError(error, reason));
  if (!isFault) throw error;
  return { id, detail: (error as Error).message };
}
