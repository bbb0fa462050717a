import type { SegmentHash } from '../../model/index.js';
import type { ChangeResult, KeptTokenizer, NewSegment, RequestMark } from '../contract/change.js';
import type { UsageEvent } from './usage.js';
import type { RecordedConversation } from './manifest-rules.js';

/** Record of a stored segment, without its frame. */
export interface RecordedSegment {
  readonly id: number;
  readonly hash: SegmentHash;
  readonly tokenCount: number;
  readonly frameBytes: number;
  /** Number of manifests that name it, and of outside holders. */
  readonly references: number;
  /** Time and commit since which it has no references; they mean nothing while it has some. */
  readonly unreferencedSinceMs: number;
  readonly unreferencedSequence: number;
}

export interface RecordedManifest extends RecordedConversation {
  /** Its place in the order of creation. */
  readonly number: number;
  /** Fingerprints of its first blocks, in hex, if the backend finds conversations by them. */
  readonly prefix?: readonly string[];
}

/**
 * One commit in progress of a vault whose records are in memory, as far as a change needs them.
 * RecordedChangeOps applies changes to it.
 */
export interface StagedVault {
  /** Number of the commit. */
  readonly sequence: number;
  lastStoreTimeMs: number;
  readonly registries: StagedRegistries;
  /** Vocabularies by the names of tokenizers; absent if the backend keeps none. */
  readonly tokenizers?: Map<string, KeptTokenizer>;

  /** @throws StowkenError REQUEST_ID_REUSED */
  replay(request: RequestMark): ChangeResult | undefined;
  remember(request: RequestMark, result: ChangeResult): void;

  segment(hash: SegmentHash): RecordedSegment | undefined;
  segmentById(id: number): RecordedSegment | undefined;
  frame(hash: SegmentHash): Uint8Array | undefined;
  /** Stores a segment that is not stored yet. */
  addSegment(segment: NewSegment): void;
  /** Replaces the frame by another one of the same tokens. */
  replaceFrame(hash: SegmentHash, frame: Uint8Array): void;
  /** Restarts the age of garbage. */
  renewGarbage(hash: SegmentHash): void;
  /** Removes a segment without references. */
  removeSegment(hash: SegmentHash): void;

  /** Adds the reference of a manifest. */
  hold(hash: SegmentHash): void;
  /** Removes the reference of a manifest. Returns whether the segment is garbage now. */
  release(hash: SegmentHash): boolean;
  /** Returns the outside holders of a segment that the change names. The set is the caller's. */
  holders(hash: SegmentHash): Set<string>;
  /** Sets a segment's outside holders; it had `before` of them. */
  putHolders(hash: SegmentHash, holders: ReadonlySet<string>, before: number): void;
  /** @throws StowkenError CORRUPT_STORE if the references of segments are not completely known */
  checkReferencesKnown(): void;

  /** Counts usage, if the backend does. */
  countUsage?(event: UsageEvent): void;

  /** Returns the manifest of a conversation that the change names. */
  manifest(id: string): RecordedManifest | undefined;
  takeConversationNumber(): number;
  putManifest(manifest: RecordedManifest): void;
  removeManifest(id: string): void;
}

export interface StagedRegistries {
  /** True if frames may name it. */
  has(id: number): boolean;
  lastId(): number;
  put(bytes: Uint8Array, createTimeMs: number): void;
  /** Removes those that exist and that no frame names; returns them. */
  drop(ids: readonly number[]): number[];
}
