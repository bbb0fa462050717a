import type { Codec } from '../../codec/index.js';
import type { SegmentHash } from '../../model/index.js';
import type { CheckOptions, Violation } from '../contract/checks.js';
import { wholeBlocks } from '../contract/queries.js';
import { BackgroundTurns } from '../shared/background.js';
import { distinctHashes } from '../shared/records.js';
import type { MemorySegment, MemoryStore } from './store.js';

/**
 * Checks the invariants of docs/formats/storage.md that concern a vault's content, independent of its
 * storage.
 */
export async function checkMemory(
  store: MemoryStore,
  codec: Codec,
  { depth, onProgress, signal }: CheckOptions,
): Promise<Violation[]> {
  // Records are checked without interruption; frames are decoded in turns with other work, in their state by
  // then.
  const violations = checkRecords(store);
  const segments = depth === 'records' ? [] : [...store.segments.values()];
  const conversations = store.conversations.size;
  const total = conversations + segments.length;
  const turns = new BackgroundTurns(signal);
  for (const [index, { id }] of segments.entries()) {
    const current = store.segmentById(id);
    if (current) violations.push(...checkFrame(current, codec));
    if (!turns.due) continue;
    onProgress?.(conversations + index + 1, total);
    await turns.pause();
  }
  onProgress?.(total, total);
  return violations;
}

function checkRecords(store: MemoryStore): Violation[] {
  const violations: Violation[] = [];
  const named = new Map<SegmentHash, number>();
  for (const { number, conversation, messages, prefix = [] } of store.conversations.all()) {
    const subject = `conversation ${conversation.id}`;
    if (store.manifest(conversation.id)?.number !== number) {
      violations.push({ invariant: 'id-index', subject, detail: 'its id does not lead to it' });
    }
    if (prefix.length > wholeBlocks(conversation.totalTokens)) {
      violations.push({
        invariant: 'prefix-index',
        subject,
        detail: 'has fewer blocks than it is found by',
      });
    }
    for (const hash of distinctHashes(messages)) {
      if (!store.segment(hash)) {
        violations.push({ invariant: 'manifest-segments', subject, detail: `segment ${hash} is not stored` });
      }
      named.set(hash, (named.get(hash) ?? 0) + 1);
    }
  }
  for (const segment of store.segments.values()) {
    violations.push(...checkReferences(segment, named.get(segment.hash) ?? 0));
    if (store.segment(segment.hash) !== segment) {
      violations.push({
        invariant: 'hash-index',
        subject: `segment ${segment.id}`,
        detail: 'its hash does not lead to it',
      });
    }
  }
  return violations;
}

function checkReferences({ id, references, holders }: MemorySegment, named: number): Violation[] {
  if (references === named + holders.size) return [];
  const detail = `${references} references are kept, ${named} manifests and ${holders.size} holders were counted`;
  return [{ invariant: 'reference-counts', subject: `segment ${id}`, detail }];
}

function checkFrame({ id, frame, hash, tokenCount }: MemorySegment, codec: Codec): Violation[] {
  const subject = `segment ${id}`;
  const violations: Violation[] = [];
  if (codec.hashOf(frame) !== hash) {
    violations.push({ invariant: 'frame', subject, detail: 'its frame has another hash' });
  }
  if (codec.decode(frame).tokenCount !== tokenCount) {
    violations.push({ invariant: 'frame', subject, detail: 'its frame has another token count' });
  }
  return violations;
}
