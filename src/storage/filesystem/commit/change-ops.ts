import type { SegmentHash } from '../../../model/index.js';
import type {
  ChangeResult,
  FrameReplacement,
  NewSegment,
  OutsideReference,
  RequestMark,
} from '../../contract/change.js';
import type { ChangeOps, ManifestPlan, Part } from '../../shared/apply-change.js';
import type { ManifestChanges } from './apply-manifests.js';
import {
  addReferences,
  deleteSegments,
  type HoldersOf,
  removeReferences,
  replaceFrames,
} from './apply-segments.js';
import type { StagedCommit } from './staged-commit.js';

/** Data read from files before a change is made. */
interface Prepared {
  /** Outside holders of the segments whose references change. */
  readonly holders: HoldersOf;
  /** For each replacement, true if the stored frame is the expected one. */
  readonly matches: readonly boolean[];
}

/** New segments of a change, and those of them that it has stored. */
export interface Incoming {
  readonly segments: readonly NewSegment[];
  readonly added: NewSegment[];
}

/** Applies one change to a draft. prepare() is called between plan and apply. */
export class FilesystemChangeOps implements ChangeOps<Incoming> {
  #prepared: Prepared = { holders: new Map(), matches: [] };

  constructor(
    private readonly draft: StagedCommit,
    private readonly manifests: ManifestChanges,
    readonly checkReferencesKnown: () => void,
  ) {}

  prepare(prepared: Prepared): void {
    this.#prepared = prepared;
  }

  /** Requests are replayed before anything else is read for a change. */
  replay(): undefined {
    return undefined;
  }

  remember(request: RequestMark, result: ChangeResult): void {
    this.draft.requests.remember(request, result);
  }

  hasRegistry(id: number): boolean {
    return this.draft.registries.has(id);
  }

  lastRegistryId(): number {
    return this.draft.registries.lastId();
  }

  putRegistry({ bytes, timeMs }: Part<'putRegistry'>): void {
    this.draft.registries.put(bytes, timeMs);
  }

  dropRegistries(ids: readonly number[]): number[] {
    return this.draft.registries.drop(ids);
  }

  resolveIncoming(segments: readonly NewSegment[]): Incoming {
    return { segments, added: [] };
  }

  storeIncoming({ segments, added }: Incoming): void {
    for (const segment of segments) {
      if (this.draft.segment(segment.hash)) continue;
      this.draft.addSegment(segment);
      added.push(segment);
    }
  }

  markUnreferenced({ segments }: Incoming): void {
    for (const { hash } of segments) {
      const entry = this.draft.segment(hash);
      const isOlder = entry?.references === 0 && entry.unreferencedSequence < this.draft.sequence;
      if (entry && isOlder) this.draft.renewGarbage(entry);
    }
  }

  planPut(put: Part<'put'>, { segments, added }: Incoming): ManifestPlan {
    const unchanged = this.manifests.checkPut(put, segments);
    return { ...(unchanged && { unchanged }), write: () => this.manifests.put(put, added) };
  }

  planAppend(append: Part<'append'>, { segments, added }: Incoming): ManifestPlan {
    this.manifests.checkAppend(append, segments);
    return { write: () => this.manifests.append(append, added) };
  }

  planFork(fork: Part<'fork'>): ManifestPlan {
    const unchanged = this.manifests.checkFork(fork);
    return { ...(unchanged && { unchanged }), write: () => this.manifests.fork(fork) };
  }

  checkDelete(conversation: Part<'delete'>): void {
    this.manifests.checkDelete(conversation);
  }

  deleteConversation(conversation: Part<'delete'>) {
    return this.manifests.remove(conversation);
  }

  addReferences(references: readonly OutsideReference[]) {
    return addReferences(this.draft, references, this.#prepared.holders);
  }

  removeReferences(references: readonly OutsideReference[]) {
    return removeReferences(this.draft, references, this.#prepared.holders);
  }

  deleteSegments(hashes: readonly SegmentHash[], sequenceMax: number) {
    return deleteSegments(this.draft, hashes, sequenceMax);
  }

  collect({ keys, garbageBeforeMs }: Part<'collect'>, sequenceMax: number) {
    let segments = 0;
    let frameBytes = 0;
    for (const key of keys) {
      const entry = this.draft.segmentById(Number(key));
      if (!entry || entry.references > 0) continue;
      if (entry.unreferencedSinceMs > garbageBeforeMs || entry.unreferencedSequence > sequenceMax) continue;
      this.draft.removeSegment(entry);
      segments += 1;
      frameBytes += entry.frameBytes;
    }
    return { segments, frameBytes };
  }

  replaceFrames(replacements: readonly FrameReplacement[]): boolean[] {
    return replaceFrames(this.draft, replacements, this.#prepared.matches);
  }
}
