import type { SegmentHash } from '../../../model/index.js';
import type { ChangeOps, ManifestPlan, Part } from '../../apply-change.js';
import type { FrameReplacement, NewSegment, OutsideReference, RequestMark } from '../../change.js';
import type { ChangeResult } from '../../change.js';
import { appendMessages, checkAppend } from './apply-append.js';
import { checkDelete, deleteConversation } from './apply-delete.js';
import { checkFork, forkConversation } from './apply-fork.js';
import { checkPut, putConversation } from './apply-put.js';
import { addReferences, deleteSegments, removeReferences } from './apply-references.js';
import { bringSegments, type BroughtSegments } from './manifest-change.js';
import type { WriteSession } from './write-session.js';

/** Applies changes to the tables of one write transaction. */
export class LmdbChangeOps implements ChangeOps<BroughtSegments> {
  constructor(private readonly session: WriteSession) {}

  replay(request: RequestMark): ChangeResult | undefined {
    return this.session.requests.replay(request);
  }

  remember(request: RequestMark, result: ChangeResult): void {
    this.session.requests.remember(request, result);
  }

  hasRegistry(id: number): boolean {
    return this.session.registries.has(id);
  }

  lastRegistryId(): number {
    return this.session.registries.lastId();
  }

  putRegistry({ bytes, timeMs }: Part<'putRegistry'>): void {
    this.session.putRegistry(bytes, timeMs);
  }

  dropRegistries(ids: readonly number[]): number[] {
    return this.session.dropRegistries(ids);
  }

  resolveIncoming(segments: readonly NewSegment[]): BroughtSegments {
    return bringSegments(this.session, segments);
  }

  storeIncoming(incoming: BroughtSegments): void {
    for (const segment of incoming.values()) {
      if (segment.id !== 0) continue;
      segment.id = this.session.segments.add(segment);
      segment.added = true;
    }
  }

  markUnreferenced(incoming: BroughtSegments): void {
    const { segments } = this.session;
    for (const { id } of incoming.values()) if (segments.referencesOf(id) === 0) segments.markGarbage(id);
  }

  planPut(put: Part<'put'>, incoming: BroughtSegments): ManifestPlan {
    const planned = checkPut(this.session, put, incoming);
    return {
      ...(planned.same && { unchanged: planned.same }),
      write: () => putConversation(this.session, put, planned, incoming),
    };
  }

  planAppend(append: Part<'append'>, incoming: BroughtSegments): ManifestPlan {
    const named = checkAppend(this.session, append, incoming);
    return { write: () => appendMessages(this.session, append, named, incoming) };
  }

  planFork(fork: Part<'fork'>): ManifestPlan {
    const unchanged = checkFork(this.session, fork);
    return { ...(unchanged && { unchanged }), write: () => forkConversation(this.session, fork) };
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

  /** Counts stand in tables of their own: there is nothing to wait for. */
  checkReferencesKnown(): void {}

  deleteSegments(hashes: readonly SegmentHash[], sequenceMax: number) {
    return deleteSegments(this.session, hashes, sequenceMax);
  }

  collect({ keys, garbageBeforeMs }: Part<'collect'>, sequenceMax: number) {
    return this.session.segments.collect(keys.map(Number), garbageBeforeMs, sequenceMax);
  }

  replaceFrames(replacements: readonly FrameReplacement[]): boolean[] {
    return this.session.segments.replaceFrames(replacements);
  }
}
