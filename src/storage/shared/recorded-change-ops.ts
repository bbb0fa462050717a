import { type SegmentHash, StowkenError } from '../../model/index.js';
import type {
  ChangeResult,
  DeletionOutcome,
  FrameReplacement,
  KeptTokenizer,
  NewSegment,
  OutsideReference,
  ReferenceOutcome,
  RequestMark,
} from '../contract/change.js';
import type { ChangeOps, ManifestPlan, Part, RequestMemory } from './change-ops.js';
import type { UsageEvent } from './usage.js';
import { RecordedManifests } from './recorded-manifests.js';
import type { RecordedSegment, StagedVault } from './staged-vault.js';

/** New segments of a change, and those of them that it has stored. */
export interface Incoming {
  readonly segments: readonly NewSegment[];
  readonly added: NewSegment[];
}

/** Applies changes to a vault whose records are in memory. */
export class RecordedChangeOps implements ChangeOps<Incoming>, RequestMemory {
  readonly #manifests: RecordedManifests;

  constructor(private readonly vault: StagedVault) {
    this.#manifests = new RecordedManifests(vault);
  }

  replay(request: RequestMark): ChangeResult | undefined {
    return this.vault.replay(request);
  }

  remember(request: RequestMark, result: ChangeResult): void {
    this.vault.remember(request, result);
  }

  hasRegistry(id: number): boolean {
    return this.vault.registries.has(id);
  }

  lastRegistryId(): number {
    return this.vault.registries.lastId();
  }

  putRegistry({ bytes, timeMs }: Part<'putRegistry'>): void {
    this.vault.registries.put(bytes, timeMs);
  }

  dropRegistries(ids: readonly number[]): number[] {
    return this.vault.registries.drop(ids);
  }

  keptTokenizer(name: string): KeptTokenizer | undefined {
    return this.#tokenizers.get(name);
  }

  putTokenizer({ name, ...kept }: Part<'putTokenizer'>): void {
    this.#tokenizers.set(name, kept);
  }

  get #tokenizers(): Map<string, KeptTokenizer> {
    if (this.vault.tokenizers) return this.vault.tokenizers;
    throw new StowkenError('UNSUPPORTED_BY_STORAGE', 'the storage keeps no vocabularies of tokenizers', {
      operation: 'tokenizers of files',
      storage: 'filesystem',
      storages: 'lmdb, memory',
    });
  }

  resolveIncoming(segments: readonly NewSegment[]): Incoming {
    return { segments, added: [] };
  }

  storeIncoming({ segments, added }: Incoming): void {
    for (const segment of segments) {
      if (this.vault.segment(segment.hash)) continue;
      this.vault.addSegment(segment);
      added.push(segment);
    }
  }

  markUnreferenced({ segments }: Incoming): void {
    for (const { hash } of segments) {
      const stored = this.vault.segment(hash);
      const isOlder = stored?.references === 0 && stored.unreferencedSequence < this.vault.sequence;
      if (isOlder) this.vault.renewGarbage(hash);
    }
  }

  planPut(put: Part<'put'>, { segments, added }: Incoming): ManifestPlan {
    const unchanged = this.#manifests.checkPut(put, segments);
    return { ...(unchanged && { unchanged }), write: () => this.#manifests.put(put, added) };
  }

  planAppend(append: Part<'append'>, { segments, added }: Incoming): ManifestPlan {
    this.#manifests.checkAppend(append, segments);
    return { write: () => this.#manifests.append(append, added) };
  }

  planFork(fork: Part<'fork'>): ManifestPlan {
    const unchanged = this.#manifests.checkFork(fork);
    return { ...(unchanged && { unchanged }), write: () => this.#manifests.fork(fork) };
  }

  countUsage(event: UsageEvent): void {
    this.vault.countUsage?.(event);
  }

  checkDelete(conversation: Part<'delete'>): void {
    this.#manifests.checkDelete(conversation);
  }

  deleteConversation(conversation: Part<'delete'>) {
    return this.#manifests.delete(conversation);
  }

  addReferences(references: readonly OutsideReference[]): ReferenceOutcome[] {
    return this.#changeHolders(references, (holders, holder) => void holders.add(holder));
  }

  removeReferences(references: readonly OutsideReference[]): ReferenceOutcome[] {
    return this.#changeHolders(references, (holders, holder) => void holders.delete(holder));
  }

  checkReferencesKnown(): void {
    this.vault.checkReferencesKnown();
  }

  deleteSegments(hashes: readonly SegmentHash[], sequenceMax: number): DeletionOutcome[] {
    return hashes.map((hash) => {
      const stored = this.vault.segment(hash);
      const deleted = stored !== undefined && isCollectable(stored, Infinity, sequenceMax);
      if (deleted) this.vault.removeSegment(hash);
      return stored && { deleted, refCount: stored.references };
    });
  }

  collect({ keys, garbageBeforeMs }: Part<'collect'>, sequenceMax: number) {
    let segments = 0;
    let frameBytes = 0;
    for (const key of keys) {
      const stored = this.vault.segmentById(Number(key));
      if (!stored || !isCollectable(stored, garbageBeforeMs, sequenceMax)) continue;
      this.vault.removeSegment(stored.hash);
      segments += 1;
      frameBytes += stored.frameBytes;
    }
    return { segments, frameBytes };
  }

  replaceFrames(replacements: readonly FrameReplacement[]): boolean[] {
    return replacements.map(({ key, expected, frame }) => {
      const hash = this.vault.segmentById(Number(key))?.hash;
      const stored = hash === undefined ? undefined : this.vault.frame(hash);
      if (hash === undefined || !stored || Buffer.compare(stored, expected) !== 0) return false;
      this.vault.replaceFrame(hash, frame);
      return true;
    });
  }

  /** Changes the sets item by item, and the vault once per segment: it may write all holders together. */
  #changeHolders(
    references: readonly OutsideReference[],
    change: (holders: Set<string>, holder: string) => void,
  ): ReferenceOutcome[] {
    const changed = new Map<SegmentHash, { readonly holders: Set<string>; readonly before: number }>();
    const outcomes = references.map(({ hash, holder }) => {
      const stored = this.vault.segment(hash);
      if (!stored) return undefined;
      let set = changed.get(hash);
      if (!set) {
        const holders = this.vault.holders(hash);
        changed.set(hash, (set = { holders, before: holders.size }));
      }
      change(set.holders, holder);
      return { refCount: stored.references + set.holders.size - set.before };
    });
    for (const [hash, { holders, before }] of changed) {
      if (holders.size !== before) this.vault.putHolders(hash, holders, before);
    }
    return outcomes;
  }
}

/** True for garbage of this age that no open snapshot may read. */
function isCollectable(segment: RecordedSegment, garbageBeforeMs: number, sequenceMax: number): boolean {
  const { references, unreferencedSinceMs, unreferencedSequence } = segment;
  return references === 0 && unreferencedSinceMs <= garbageBeforeMs && unreferencedSequence <= sequenceMax;
}
