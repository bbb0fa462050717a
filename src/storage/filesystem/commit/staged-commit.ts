import { frameRegistryId } from '../../../codec/index.js';
import { assert, present, type SegmentHash } from '../../../model/index.js';
import type { ChangeResult, NewSegment, RequestMark } from '../../contract/change.js';
import type { StagedVault } from '../../shared/staged-vault.js';
import { encodeManifest, type Manifest } from '../layout/manifest-record.js';
import { holdersPath, manifestPath, metaPath, segmentPath, VAULT_FILE } from '../layout/paths.js';
import { encodeHolders, encodeSegment, encodeVault } from '../layout/records.js';
import type { ConversationEntry, SegmentEntry } from '../vault-index/figures.js';
import { DraftRequests } from '../vault-index/requests.js';
import type { VaultIndex } from '../vault-index/vault-index.js';
import { DraftRegistries } from './draft-registries.js';

/** Data of the files that a change needs, read before it is made. */
interface ReadAhead {
  manifests: Map<string, Manifest | undefined>;
  /** Outside holders of the segments whose references change. */
  holders: ReadonlyMap<SegmentHash, Set<string>>;
  /** Frames that are replaced. */
  frames: ReadonlyMap<SegmentHash, Uint8Array | undefined>;
}

/** A group of changes before it is committed: its effects on the index and on the files. */
export class StagedCommit implements StagedVault {
  readonly sequence: number;
  lastStoreTimeMs: number;
  readonly registries: DraftRegistries;
  readonly requests: DraftRequests;
  /** For the change that is being made. */
  readonly readAhead: ReadAhead = { manifests: new Map(), holders: new Map(), frames: new Map() };
  /** True if a part of a change is in it: nothing of it may be committed. */
  isBroken = false;
  readonly #segments = new Map<SegmentHash, SegmentEntry | undefined>();
  readonly #conversations = new Map<string, ConversationEntry | undefined>();
  readonly #missing = new Map<SegmentHash, number>();
  readonly #holderBytes = new Map<SegmentHash, number>();
  readonly #files = new Map<string, Uint8Array | undefined>();
  #nextSegment: number;
  #nextConversation: number;

  constructor(
    private readonly index: VaultIndex,
    private readonly vaultId: string,
    readonly nowMs: number,
    readonly checkReferencesKnown: () => void,
  ) {
    this.sequence = index.sequence + 1;
    this.lastStoreTimeMs = index.lastStoreTimeMs;
    this.registries = new DraftRegistries(index.registries, this.#files);
    this.requests = new DraftRequests(index.requests, this.#files);
    this.#nextSegment = index.nextSegment;
    this.#nextConversation = index.nextConversation;
  }

  /** True if there is anything to commit. */
  get changed(): boolean {
    return this.#files.size > 0;
  }

  /** Returns a file that this draft writes or removes, before it is committed. */
  fileAt(path: string): { readonly bytes: Uint8Array | undefined } | undefined {
    return this.#files.has(path) ? { bytes: this.#files.get(path) } : undefined;
  }

  segment(hash: SegmentHash): SegmentEntry | undefined {
    return this.#segments.has(hash) ? this.#segments.get(hash) : this.index.segment(hash);
  }

  segmentById(id: number): SegmentEntry | undefined {
    const known = this.index.segmentById(id);
    const current = known && this.segment(known.hash);
    return current?.id === id ? current : undefined;
  }

  conversation(id: string): ConversationEntry | undefined {
    return this.#conversations.has(id) ? this.#conversations.get(id) : this.index.conversation(id);
  }

  /** Requests are replayed before anything else is read for a change. */
  replay(): undefined {
    return undefined;
  }

  remember(request: RequestMark, result: ChangeResult): void {
    this.requests.remember(request, result);
  }

  frame(hash: SegmentHash): Uint8Array | undefined {
    const drafted = this.fileAt(segmentPath(hash));
    return drafted ? drafted.bytes : this.readAhead.frames.get(hash);
  }

  holders(hash: SegmentHash): Set<string> {
    return present(this.readAhead.holders.get(hash), 'holders that change were read before', hash);
  }

  manifest(id: string): Manifest | undefined {
    return this.readAhead.manifests.get(id);
  }

  takeConversationNumber(): number {
    return this.#nextConversation++;
  }

  /** Stores a segment that is not stored yet. It may have references already, if it was missing by damage. */
  addSegment({ hash, tokenCount, frame }: NewSegment): void {
    assert(!this.segment(hash), 'a segment is stored once', hash);
    const references = this.#missingReferences(hash);
    this.#missing.set(hash, 0);
    const id = this.#nextSegment++;
    const segment = { id, hash, tokenCount, ...this.#unreferencedNow() };
    this.#setFrame(segment, references, frame);
  }

  replaceFrame(hash: SegmentHash, frame: Uint8Array): void {
    const entry = this.#stored(hash);
    this.registries.count(entry, -1);
    this.#setFrame(entry, entry.references, frame);
  }

  renewGarbage(hash: SegmentHash): void {
    this.#setSegment({ ...this.#stored(hash), ...this.#unreferencedNow() }, 0);
  }

  /** Adds a reference. */
  hold(hash: SegmentHash): void {
    this.#addToReferences(hash, 1);
  }

  /** Removes a reference. Returns whether the segment is garbage now. */
  release(hash: SegmentHash): boolean {
    return this.#addToReferences(hash, -1);
  }

  /** Sets a segment's outside holders; it had `before` of them. */
  putHolders(hash: SegmentHash, holders: ReadonlySet<string>, before: number): void {
    const bytes = holders.size > 0 ? encodeHolders(hash, holders) : undefined;
    this.#files.set(holdersPath(hash), bytes);
    this.#holderBytes.set(hash, bytes?.length ?? 0);
    this.#addToReferences(hash, holders.size - before);
  }

  removeSegment(hash: SegmentHash): void {
    const entry = this.#stored(hash);
    assert(entry.references === 0, 'only segments without references are deleted', hash);
    this.registries.count(entry, -1);
    this.#segments.set(hash, undefined);
    this.#files.set(metaPath(hash), undefined);
    this.#files.set(segmentPath(hash), undefined);
  }

  putManifest(manifest: Manifest): void {
    const { number, conversation } = manifest;
    assert(
      number > 0 && number < this.#nextConversation,
      'the number of a conversation was given out',
      number,
    );
    const bytes = encodeManifest(manifest);
    this.#files.set(manifestPath(conversation.id), bytes);
    this.#conversations.set(conversation.id, { number, conversation, manifestBytes: bytes.length });
    this.readAhead.manifests.set(conversation.id, manifest);
  }

  removeManifest(id: string): void {
    assert(this.conversation(id) !== undefined, 'only a stored conversation is removed', id);
    this.#files.set(manifestPath(id), undefined);
    this.#conversations.set(id, undefined);
    this.readAhead.manifests.set(id, undefined);
  }

  /** Returns the files to write and remove for the whole group. */
  files(): ReadonlyMap<string, Uint8Array | undefined> {
    const vault = encodeVault({
      vaultId: this.vaultId,
      nextSegment: this.#nextSegment,
      nextConversation: this.#nextConversation,
      lastStoreTimeMs: this.lastStoreTimeMs,
    });
    return new Map(this.#files).set(VAULT_FILE, vault);
  }

  /** Makes the group visible, once it is committed. */
  publish(): void {
    const { index } = this;
    this.registries.publish();
    this.requests.publish();
    for (const [hash, entry] of this.#segments) index.setSegment(hash, entry);
    for (const [hash, bytes] of this.#holderBytes) index.setHolderBytes(hash, bytes);
    for (const [id, entry] of this.#conversations) index.setConversation(id, entry);
    for (const [hash, references] of this.#missing) {
      if (references > 0) index.missing.set(hash, references);
      else index.missing.delete(hash);
    }
    index.sequence = this.sequence;
    index.nextSegment = this.#nextSegment;
    index.nextConversation = this.#nextConversation;
    index.lastStoreTimeMs = this.lastStoreTimeMs;
  }

  #setFrame(
    segment: Omit<SegmentEntry, 'references' | 'sidecarBytes' | 'frameBytes' | 'registryId'>,
    references: number,
    frame: Uint8Array,
  ): void {
    const framed = { ...segment, frameBytes: frame.length, registryId: frameRegistryId(frame) ?? 0 };
    this.registries.count(framed, 1);
    this.#files.set(segmentPath(segment.hash), frame.slice());
    this.#setSegment(framed, references);
  }

  /** Returns whether the segment is garbage now and was not before. */
  #addToReferences(hash: SegmentHash, difference: number): boolean {
    const entry = this.segment(hash);
    if (!entry) {
      // A damaged vault has lost it: its references are counted until it is stored again.
      const missing = this.#missingReferences(hash) + difference;
      assert(missing >= 0, 'a lost segment has no fewer references than none', hash);
      this.#missing.set(hash, missing);
      return false;
    }
    const references = entry.references + difference;
    assert(references >= 0, 'a segment has no fewer references than none', hash);
    if (references > 0) {
      this.#segments.set(hash, { ...entry, references });
      return false;
    }
    this.#setSegment({ ...entry, ...this.#unreferencedNow() }, references);
    return true;
  }

  #setSegment(segment: Omit<SegmentEntry, 'references' | 'sidecarBytes'>, references: number): void {
    const sidecar = encodeSegment(segment);
    this.#files.set(metaPath(segment.hash), sidecar);
    this.#segments.set(segment.hash, { ...segment, references, sidecarBytes: sidecar.length });
  }

  #stored(hash: SegmentHash): SegmentEntry {
    return present(this.segment(hash), 'what is changed is stored', hash);
  }

  #unreferencedNow() {
    return { unreferencedSinceMs: this.nowMs, unreferencedSequence: this.sequence };
  }

  #missingReferences(hash: SegmentHash): number {
    return this.#missing.get(hash) ?? this.index.missing.get(hash) ?? 0;
  }
}
