import type { SegmentHash } from '../../model/index.js';
import type { NewSegment } from '../backend.js';
import { manifestPath, metaPath, segmentPath, VAULT_FILE } from './paths.js';
import { encodeManifest, encodeSegment, encodeVault, type Manifest } from './records.js';
import type { ConversationEntry, SegmentEntry, VaultIndex } from './vault-index.js';

/** A group of changes before it is committed: what it makes of the index, and of the files. */
export class Draft {
  readonly sequence: number;
  lastCreateTimeMs: number;
  readonly #segments = new Map<SegmentHash, SegmentEntry | undefined>();
  readonly #conversations = new Map<string, ConversationEntry | undefined>();
  readonly #missing = new Map<SegmentHash, number>();
  readonly #files = new Map<string, Uint8Array | undefined>();
  #nextSegment: number;
  #nextConversation: number;

  constructor(
    private readonly index: VaultIndex,
    private readonly vaultId: string,
    readonly nowMs: number,
  ) {
    this.sequence = index.sequence + 1;
    this.lastCreateTimeMs = index.lastCreateTimeMs;
    this.#nextSegment = index.nextSegment;
    this.#nextConversation = index.nextConversation;
  }

  /** Whether there is anything to commit. */
  get changed(): boolean {
    return this.#files.size > 0;
  }

  /** A file that this draft writes or removes, before it is committed. */
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

  takeConversationNumber(): number {
    return this.#nextConversation++;
  }

  /** Stores a segment that is not. Manifests may name it already, where it went missing. */
  addSegment({ hash, tokenCount, frame }: NewSegment): void {
    const references = this.#missingReferences(hash);
    this.#missing.set(hash, 0);
    this.#files.set(segmentPath(hash), frame.slice());
    const id = this.#nextSegment++;
    this.#setSegment(
      { id, hash, tokenCount, frameBytes: frame.length, ...this.#unreferencedNow() },
      references,
    );
  }

  /** Adds a reference. */
  hold(hash: SegmentHash): void {
    const entry = this.segment(hash);
    if (entry) this.#segments.set(hash, { ...entry, references: entry.references + 1 });
    else this.#missing.set(hash, this.#missingReferences(hash) + 1);
  }

  /** Takes a reference away; says whether the segment is garbage now. */
  release(hash: SegmentHash): boolean {
    const entry = this.segment(hash);
    if (!entry) {
      this.#missing.set(hash, this.#missingReferences(hash) - 1);
      return false;
    }
    const references = entry.references - 1;
    if (references > 0) {
      this.#segments.set(hash, { ...entry, references });
      return false;
    }
    this.#setSegment({ ...entry, ...this.#unreferencedNow() }, references);
    return true;
  }

  removeSegment(hash: SegmentHash): void {
    this.#segments.set(hash, undefined);
    this.#files.set(metaPath(hash), undefined);
    this.#files.set(segmentPath(hash), undefined);
  }

  putManifest(manifest: Manifest): void {
    const { number, conversation } = manifest;
    const bytes = encodeManifest(manifest);
    this.#files.set(manifestPath(conversation.id), bytes);
    this.#conversations.set(conversation.id, { number, conversation, manifestBytes: bytes.length });
  }

  removeManifest(id: string): void {
    this.#files.set(manifestPath(id), undefined);
    this.#conversations.set(id, undefined);
  }

  /** The files to write and remove for all of it. */
  files(): ReadonlyMap<string, Uint8Array | undefined> {
    const vault = encodeVault({
      vaultId: this.vaultId,
      nextSegment: this.#nextSegment,
      nextConversation: this.#nextConversation,
      lastCreateTimeMs: this.lastCreateTimeMs,
    });
    return new Map(this.#files).set(VAULT_FILE, vault);
  }

  /** Makes it visible, once it is committed. */
  publish(): void {
    const { index } = this;
    for (const [hash, entry] of this.#segments) index.setSegment(hash, entry);
    for (const [id, entry] of this.#conversations) index.setConversation(id, entry);
    for (const [hash, references] of this.#missing) {
      if (references > 0) index.missing.set(hash, references);
      else index.missing.delete(hash);
    }
    index.sequence = this.sequence;
    index.nextSegment = this.#nextSegment;
    index.nextConversation = this.#nextConversation;
    index.lastCreateTimeMs = this.lastCreateTimeMs;
  }

  #setSegment(segment: Omit<SegmentEntry, 'references' | 'sidecarBytes'>, references: number): void {
    const sidecar = encodeSegment(segment);
    this.#files.set(metaPath(segment.hash), sidecar);
    this.#segments.set(segment.hash, { ...segment, references, sidecarBytes: sidecar.length });
  }

  #unreferencedNow() {
    return { unreferencedSinceMs: this.nowMs, unreferencedSequence: this.sequence };
  }

  #missingReferences(hash: SegmentHash): number {
    return this.#missing.get(hash) ?? this.index.missing.get(hash) ?? 0;
  }
}
