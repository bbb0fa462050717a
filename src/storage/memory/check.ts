import type { Codec } from '../../codec/index.js';
import type { CheckOptions, Violation } from '../contract/checks.js';
import { wholeBlocks } from '../contract/queries.js';
import { BackgroundTurns } from '../shared/background.js';
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
  for (const [index, segment] of segments.entries()) {
    if (store.segments.has(segment.id)) violations.push(...checkFrame(segment, codec));
    if (!turns.due) continue;
    onProgress?.(conversations + index + 1, total);
    await turns.pause();
  }
  onProgress?.(total, total);
  return violations;
}

function checkRecords(store: MemoryStore): Violation[] {
  const violations: Violation[] = [];
  const holders = new Map<number, Set<number>>();
  for (const { number, conversation, segmentIds, prefix } of store.conversations.values()) {
    const subject = `conversation ${conversation.id}`;
    if (store.numberById.get(conversation.id) !== number) {
      violations.push({ invariant: 'id-index', subject, detail: 'its id does not lead to it' });
    }
    if (prefix.length > wholeBlocks(conversation.totalTokens)) {
      violations.push({
        invariant: 'prefix-index',
        subject,
        detail: 'has fewer blocks than it is found by',
      });
    }
    for (const id of segmentIds) {
      if (!store.segments.has(id)) {
        violations.push({ invariant: 'manifest-segments', subject, detail: `segment ${id} is not stored` });
      }
      holders.set(id, (holders.get(id) ?? new Set()).add(number));
    }
  }
  for (const segment of store.segments.values()) {
    const held = holders.get(segment.id)?.size ?? 0;
    violations.push(...checkReferences(segment, held));
    if (store.segmentByHash.get(segment.hash) !== segment) {
      violations.push({
        invariant: 'hash-index',
        subject: `segment ${segment.id}`,
        detail: 'its hash does not lead to it',
      });
    }
  }
  return violations;
}

function checkReferences(segment: MemorySegment, held: number): Violation[] {
  const subject = `segment ${segment.id}`;
  const violations: Violation[] = [];
  const manifests = [...segment.holders].filter((holder) => typeof holder === 'number').length;
  if (manifests !== held) {
    const detail = `${manifests} references of manifests counted, ${held} held`;
    violations.push({ invariant: 'reference-counts', subject, detail });
  }
  const references = segment.holders.size;
  if ((segment.garbage !== undefined) !== (references === 0)) {
    violations.push({
      invariant: 'garbage',
      subject,
      detail: `garbage or not, with ${references} references`,
    });
  }
  return violations;
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
