import type { LiveCodec } from '../../codec/index.js';
import type { Change, ChangeResult, FrameReplacement, NewSegment } from '../change.js';
import { checkRegistries } from '../needed-registries.js';
import { requestIdReused } from '../refusals.js';
import {
  append,
  checkAppend,
  checkDelete,
  checkFork,
  checkPut,
  fork,
  put,
  remove,
} from './memory-manifests.js';
import { addReferences, deleteSegments, removeReferences } from './memory-references.js';
import { dropRegistries, putRegistry } from './memory-registries.js';
import type { MemoryStore } from './memory-store.js';

type Collect = NonNullable<Change['collect']>;
type Outcome = { -readonly [K in keyof ChangeResult]: ChangeResult[K] };

/** Checks all preconditions of a change, then makes it. What it throws has changed nothing. */
export function commitToMemory(
  store: MemoryStore,
  change: Change,
  nowMs: number,
  oldestLease: number,
  codec: LiveCodec,
): ChangeResult {
  const replayed = replay(store, change);
  if (replayed) return replayed;
  const { newSegments = [] } = change;
  checkRegistries(
    change,
    (id) => store.registries.has(id),
    () => Math.max(0, ...store.registries.keys()),
  );
  if (change.putRegistry) codec.withRegistry(change.putRegistry.bytes); // refused when it is damaged
  const samePut = change.put && checkPut(store, change.put, newSegments);
  if (change.append) checkAppend(store, change.append, newSegments);
  const sameFork = change.fork && checkFork(store, change.fork);
  if (change.delete) checkDelete(store, change.delete);

  const result: Outcome = {};
  const isNothing = (part: string) =>
    part === 'newSegments' ||
    part === 'request' ||
    (part === 'put' && samePut) ||
    (part === 'fork' && sameFork);
  if ((samePut ?? sameFork) && Object.keys(change).every(isNothing)) {
    if (samePut) result.put = samePut;
    if (sameFork) result.fork = sameFork;
    remember(store, change, result);
    return result;
  }
  // What becomes garbage with this change stays: the backends agree, though here no snapshot could see it.
  const garbageSequenceMax = Math.min(oldestLease, store.sequence);
  store.sequence += 1;
  const added: NewSegment[] = [];
  for (const segment of newSegments) {
    const { hash, tokenCount, frame } = segment;
    const stored = store.segmentByHash.get(hash);
    if (stored?.garbage) store.markGarbage(stored, nowMs);
    if (stored) continue;
    store.addSegment(hash, tokenCount, frame, nowMs);
    added.push(segment);
  }
  if (change.put) result.put = samePut ?? put(store, change.put, added, nowMs);
  if (change.append) result.append = append(store, change.append, added, nowMs);
  if (change.fork) result.fork = sameFork ?? fork(store, change.fork, nowMs);
  if (change.delete) result.delete = remove(store, change.delete, nowMs);
  if (change.addReferences) result.addReferences = addReferences(store, change.addReferences);
  if (change.removeReferences) {
    result.removeReferences = removeReferences(store, change.removeReferences, nowMs);
  }
  if (change.deleteSegments) {
    result.deleteSegments = deleteSegments(store, change.deleteSegments, garbageSequenceMax);
  }
  if (change.putRegistry) putRegistry(store, codec, change.putRegistry);
  if (change.replaceFrames) {
    result.replaceFrames = change.replaceFrames.map((each) => replaceFrame(store, each));
  }
  if (change.dropRegistries) result.dropRegistries = dropRegistries(store, codec, change.dropRegistries);
  if (change.collect) result.collect = collect(store, change.collect, garbageSequenceMax);
  remember(store, change, result);
  return result;
}

function replay(store: MemoryStore, { request }: Change): ChangeResult | undefined {
  if (!request) return undefined;
  const earlier = store.requests.get(request.id);
  if (!earlier || earlier.timeMs < request.notBeforeMs) return undefined;
  if (earlier.digest !== request.digest) throw requestIdReused(request.id);
  return { ...earlier.result, replayed: true };
}

function remember(store: MemoryStore, { request }: Change, result: ChangeResult): void {
  if (!request) return;
  for (const [id, { timeMs }] of store.requests) {
    if (timeMs >= request.notBeforeMs) break;
    store.requests.delete(id);
  }
  store.requests.delete(request.id);
  store.requests.set(request.id, { ...request, result });
}

function replaceFrame(store: MemoryStore, { key, expected, frame }: FrameReplacement): boolean {
  const segment = store.segments.get(Number(key));
  if (!segment || Buffer.compare(segment.frame, expected) !== 0) return false;
  segment.frame = frame.slice();
  return true;
}

function collect(
  store: MemoryStore,
  { keys, garbageBeforeMs }: Collect,
  garbageSequenceMax: number,
): NonNullable<ChangeResult['collect']> {
  let segments = 0;
  let frameBytes = 0;
  for (const key of keys) {
    const segment = store.segments.get(Number(key));
    const garbage = segment?.garbage;
    if (!segment || !garbage || garbage.sinceMs > garbageBeforeMs || garbage.sequence > garbageSequenceMax)
      continue;
    store.removeSegment(segment);
    segments += 1;
    frameBytes += segment.frame.length;
  }
  return { segments, frameBytes };
}
