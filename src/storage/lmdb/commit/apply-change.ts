import type { Change, ChangeResult } from '../../change.js';
import type { ResultDraft } from '../../change-results.js';
import { checkRegistries } from '../../needed-registries.js';
import { appendMessages, checkAppend } from './apply-append.js';
import { checkDelete, deleteConversation } from './apply-delete.js';
import { checkFork, forkConversation } from './apply-fork.js';
import { checkPut, putConversation } from './apply-put.js';
import { addReferences, deleteSegments, removeReferences } from './apply-references.js';
import { bringSegments, type BroughtSegments } from './manifest-change.js';
import type { WriteSession } from './write-session.js';

export interface Made {
  readonly result: ChangeResult;
  readonly wrote: boolean;
}

/**
 * Checks the preconditions of a change. What it throws is a refusal that concerns this change only;
 * what it returns makes the change, and where that throws the transaction must be aborted.
 */
export function planChange(session: WriteSession, change: Change, sequenceMax: number): () => Made {
  const { request } = change;
  const replayed = request && session.requests.replay(request);
  if (replayed) return () => ({ result: replayed, wrote: false });
  const makeParts = planParts(session, change, sequenceMax);
  return () => {
    const made = makeParts();
    if (request) session.requests.remember(request, made.result);
    return { result: made.result, wrote: made.wrote || request !== undefined };
  };
}

function planParts(session: WriteSession, change: Change, sequenceMax: number): () => Made {
  checkRegistries(
    change,
    (id) => session.registries.has(id),
    () => session.registries.lastId(),
  );
  const brought = bringSegments(session, change.newSegments ?? []);
  const plannedPut = change.put && checkPut(session, change.put, brought);
  const samePut = plannedPut?.same;
  const appended = change.append && checkAppend(session, change.append, brought);
  const sameFork = change.fork && checkFork(session, change.fork);
  if (change.delete) checkDelete(session, change.delete);
  const isNothing = (part: string) =>
    part === 'newSegments' ||
    part === 'request' ||
    (part === 'put' && samePut !== undefined) ||
    (part === 'fork' && sameFork !== undefined);

  return () => {
    const result: ResultDraft = {};
    if (samePut) result.put = samePut;
    if (sameFork) result.fork = sameFork;
    if ((samePut ?? sameFork) && Object.keys(change).every(isNothing)) return { result, wrote: false };
    storeBrought(session, brought);
    if (change.put && plannedPut && !samePut) {
      result.put = putConversation(session, change.put, plannedPut, brought);
    }
    if (change.append && appended) {
      result.append = appendMessages(session, change.append, appended, brought);
    }
    if (change.fork && !sameFork) result.fork = forkConversation(session, change.fork);
    if (change.delete) result.delete = deleteConversation(session, change.delete);
    if (change.addReferences) result.addReferences = addReferences(session, change.addReferences);
    for (const { id } of brought.values())
      if (session.segments.referencesOf(id) === 0) session.segments.markGarbage(id);
    if (change.removeReferences) result.removeReferences = removeReferences(session, change.removeReferences);
    if (change.deleteSegments) {
      result.deleteSegments = deleteSegments(session, change.deleteSegments, sequenceMax);
    }
    if (change.putRegistry) session.putRegistry(change.putRegistry.bytes, change.putRegistry.timeMs);
    if (change.replaceFrames) result.replaceFrames = session.segments.replaceFrames(change.replaceFrames);
    if (change.dropRegistries) result.dropRegistries = session.dropRegistries(change.dropRegistries);
    if (change.collect) {
      const { keys, garbageBeforeMs } = change.collect;
      result.collect = session.segments.collect(keys.map(Number), garbageBeforeMs, sequenceMax);
    }
    return { result, wrote: true };
  };
}

/** Stores those that are not. */
function storeBrought(session: WriteSession, brought: BroughtSegments): void {
  for (const segment of brought.values()) {
    if (segment.id !== 0) continue;
    segment.id = session.segments.add(segment);
    segment.added = true;
  }
}
