import type { Codec } from '../../codec/index.js';
import type { Violation } from '../backend.js';
import type { MemorySegment, MemoryStore } from './memory-store.js';

/** The invariants of docs/storage-format.md that concern what a vault holds, whatever keeps it. */
export function checkMemory(store: MemoryStore, codec: Codec): Violation[] {
  const violations: Violation[] = [];
  const holders = new Map<number, Set<number>>();
  for (const { number, conversation, segmentIds } of store.conversations.values()) {
    const subject = `conversation ${conversation.id}`;
    if (store.numberById.get(conversation.id) !== number) {
      violations.push({ invariant: 'id-index', subject, detail: 'its id does not lead to it' });
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
    violations.push(...checkSegment(segment, held, codec));
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

function checkSegment(segment: MemorySegment, held: number, codec: Codec): Violation[] {
  const subject = `segment ${segment.id}`;
  const violations: Violation[] = [];
  if (codec.hashOf(segment.frame) !== segment.hash) {
    violations.push({ invariant: 'frame', subject, detail: 'its frame has another hash' });
  }
  if (codec.decode(segment.frame).tokenCount !== segment.tokenCount) {
    violations.push({ invariant: 'frame', subject, detail: 'its frame has another token count' });
  }
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
