import { assert, limits, present, type SegmentHash } from '../../../model/index.js';
import type {
  ChangeResult,
  DeletionOutcome,
  FrameReplacement,
  KeptTokenizer,
  NewSegment,
  OutsideReference,
  ReferenceOutcome,
  RequestMark,
} from '../../contract/change.js';
import type { ChangeOps, ManifestPlan, Part, RequestMemory } from '../../shared/change-ops.js';
import type { UsageEvent } from '../../shared/usage.js';
import { putTokenizer, readTokenizer } from '../tables/kept-tokenizers.js';
import type { KnownSegment } from '../segments/segment-caches.js';
import { type SegmentId, idOf } from '../tables/ids.js';
import { checkFork, forkConversation } from './fork.js';
import { resolveIncoming, type IncomingSegments } from './manifest-change.js';
import {
  appendMessages,
  checkAppend,
  checkDelete,
  checkPut,
  deleteConversation,
  putConversation,
} from './put-append-delete.js';
import type { WriteSession } from './write-session.js';

/** Applies changes to the tables of one write transaction. */
export class LmdbChangeOps implements ChangeOps<IncomingSegments>, RequestMemory {
  constructor(private readonly session: WriteSession) {}

  replay(request: RequestMark): ChangeResult | undefined {
    return this.session.requests.replay(request);
  }

  remember(request: RequestMark, result: ChangeResult): void {
    this.session.requests.remember(request, result);
  }

  hasRegistry(id: SegmentId): boolean {
    return this.session.registries.has(id);
  }

  lastRegistryId(): number {
    return this.session.registries.lastId();
  }

  putRegistry({ bytes, timeMs }: Part<'putRegistry'>): void {
    this.session.putRegistry(bytes, timeMs);
  }

  dropRegistries(ids: readonly SegmentId[]): number[] {
    return this.session.dropRegistries(ids);
  }

  keptTokenizer(name: string): KeptTokenizer | undefined {
    return readTokenizer(this.session.tables, name);
  }

  putTokenizer(tokenizer: Part<'putTokenizer'>): void {
    putTokenizer(this.session.tables, tokenizer);
  }

  resolveIncoming(segments: readonly NewSegment[]): IncomingSegments {
    return resolveIncoming(this.session, segments);
  }

  storeIncoming(incoming: IncomingSegments): void {
    for (const segment of incoming.values()) {
      if (segment.id !== 0) continue;
      segment.id = this.session.segments.add(segment);
      segment.added = true;
    }
  }

  markUnreferenced(incoming: IncomingSegments): void {
    const { segments } = this.session;
    for (const { id } of incoming.values()) if (segments.referencesOf(id) === 0) segments.markGarbage(id);
  }

  planPut(put: Part<'put'>, incoming: IncomingSegments): ManifestPlan {
    const planned = checkPut(this.session, put, incoming);
    return {
      ...(planned.same && { unchanged: planned.same }),
      write: () => putConversation(this.session, put, planned, incoming),
      prefixTokens: () => (put.prefix ? this.#prefixTokens() : 0),
    };
  }

  planAppend(append: Part<'append'>, incoming: IncomingSegments): ManifestPlan {
    const named = checkAppend(this.session, append, incoming);
    return {
      write: () => appendMessages(this.session, append, named, incoming),
      prefixTokens: () => (append.prefix ? this.#prefixTokens() : 0),
    };
  }

  planFork(fork: Part<'fork'>): ManifestPlan {
    const unchanged = checkFork(this.session, fork);
    return { ...(unchanged && { unchanged }), write: () => forkConversation(this.session, fork) };
  }

  countUsage(event: UsageEvent): void {
    this.session.usage.add(event);
  }

  #prefixTokens(): number {
    return this.session.radix.sharedBlocks * limits.prefixBlockTokens;
  }

  checkDelete(conversation: Part<'delete'>): void {
    checkDelete(this.session, conversation);
  }

  deleteConversation(conversation: Part<'delete'>) {
    return deleteConversation(this.session, conversation);
  }

  addReferences(references: readonly OutsideReference[]) {
    return addReferences(this.session, references);
  }

  removeReferences(references: readonly OutsideReference[]) {
    return removeReferences(this.session, references);
  }

  /** Counts are in tables of their own, so there is nothing to wait for. */
  checkReferencesKnown(): void {}

  deleteSegments(hashes: readonly SegmentHash[], sequenceMax: number) {
    return deleteSegments(this.session, hashes, sequenceMax);
  }

  collect({ keys, garbageBeforeMs }: Part<'collect'>, sequenceMax: number) {
    return this.session.segments.collect(keys.map(idOf), { sinceMaxMs: garbageBeforeMs, sequenceMax });
  }

  replaceFrames(replacements: readonly FrameReplacement[]): boolean[] {
    return this.session.segments.replaceFrames(replacements);
  }
}

/** Applies the parts of a change that concern outside references and single segments. They refuse nothing. */
function addReferences(session: WriteSession, references: readonly OutsideReference[]): ReferenceOutcome[] {
  const outcomes = eachOf(session, references, ({ id, tokenCount }, holder) => {
    if (session.references.add(id, holder)) session.board.raise(id, tokenCount, session.segments.hold(id));
  });
  // No conversation uses them.
  session.board.written(session.state.nextSegment);
  return outcomes;
}

function removeReferences(
  session: WriteSession,
  references: readonly OutsideReference[],
): ReferenceOutcome[] {
  return eachOf(session, references, ({ id }, holder) => {
    if (session.references.remove(id, holder)) session.segments.release(id);
  });
}

/** Changes the references whose segment is stored, and returns how many each has afterwards. */
function eachOf(
  session: WriteSession,
  references: readonly OutsideReference[],
  change: (known: KnownSegment, holder: string) => void,
): ReferenceOutcome[] {
  return references.map(({ hash, holder }) => {
    const known = session.segments.find(hash);
    if (!known) return undefined;
    change(known, holder);
    const refCount = session.segments.referencesOf(known.id);
    return { refCount: present(refCount, 'a segment that is referred to is stored', known.id) };
  });
}

/** Deletes segments that were garbage at `sequenceMax` and still are. */
function deleteSegments(
  session: WriteSession,
  hashes: readonly SegmentHash[],
  sequenceMax: number,
): DeletionOutcome[] {
  return hashes.map((hash) => {
    const known = session.segments.find(hash);
    if (!known) return undefined;
    const { segments } = session.segments.collect([known.id], { sinceMaxMs: Infinity, sequenceMax });
    const refCount = session.segments.referencesOf(known.id);
    assert((segments === 1) === (refCount === undefined), 'a deleted segment has no count', known.id);
    return { deleted: segments === 1, refCount: refCount ?? 0 };
  });
}
