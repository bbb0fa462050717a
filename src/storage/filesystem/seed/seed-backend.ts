import type { Codec } from '../../../codec/index.js';
import type { TokenCore } from '../../../core/index.js';
import { isStowkenError, StowkenError, type SegmentHash, type VaultStats } from '../../../model/index.js';
import type { ManagedBackend } from '../../backend.js';
import type { SegmentKey, StoredSegment } from '../../change.js';
import type { CheckOptions, Violation } from '../../checks.js';
import type {
  ConversationPage,
  ConversationSnapshot,
  GarbagePage,
  GarbageQuery,
  ListQuery,
  ScanQuery,
  SegmentScan,
  StoredRegistry,
} from '../../queries.js';
import { closed, segmentNotFound } from '../../refusals.js';
import { readOrRefuse, type Disk } from '../disk/disk.js';
import { inParallel } from '../disk/parallel.js';
import { MANIFESTS, segmentPath } from '../layout/paths.js';
import { listConversations } from '../read/listing.js';
import { scanPage } from '../read/scan.js';
import { createSnapshot } from '../read/snapshot.js';
import { storedSegment, type SegmentEntry } from '../vault-index/vault-index.js';
import { loadSeedVault, type SeedVault } from './seed-load.js';
import { decodeSeedManifest } from './seed-manifest.js';
import { frameOfSeedSegment } from './seed-segments.js';

export interface SeedParts {
  readonly disk: Disk;
  readonly codec: Codec;
  readonly core: TokenCore;
}

const READ_ONLY =
  'it was written by the seed (schema version 1) and is open for reading: export it, and import that into a new vault';

/** A vault of the seed, for reading. Nothing in its folder is changed. */
export async function openSeedVault(parts: SeedParts): Promise<ManagedBackend> {
  return new SeedBackend(parts, await loadSeedVault(parts.disk));
}

class SeedBackend implements ManagedBackend {
  readonly kind = 'filesystem';
  readonly vaultId: string;
  #open = true;

  constructor(
    private readonly parts: SeedParts,
    private readonly vault: SeedVault,
  ) {
    this.vaultId = vault.vaultId;
  }

  async commit(): Promise<never> {
    this.#check();
    throw new StowkenError('WRITES_STOPPED', `the vault takes no writes: ${READ_ONLY}`, { cause: READ_ONLY });
  }

  async findSegments(hashes: readonly SegmentHash[]): Promise<(StoredSegment | undefined)[]> {
    this.#check();
    return hashes.map((hash) => {
      const entry = this.vault.index.segment(hash);
      return entry && storedSegment(entry);
    });
  }

  async readFrames(keys: readonly SegmentKey[]): Promise<Uint8Array[]> {
    this.#check();
    const frames: Uint8Array[] = [];
    const entries = keys.map((key) => this.#entry(key));
    await inParallel(entries, async (entry, at) => void (frames[at] = await this.#frame(entry)));
    return frames;
  }

  async readHashes(keys: readonly SegmentKey[]): Promise<SegmentHash[]> {
    this.#check();
    return keys.map((key) => this.#entry(key).hash);
  }

  async countReferences(keys: readonly SegmentKey[]): Promise<(number | undefined)[]> {
    this.#check();
    return keys.map((key) => this.vault.index.segmentById(Number(key))?.references);
  }

  async getConversation(id: string) {
    this.#check();
    return this.vault.index.conversation(id)?.conversation;
  }

  async openConversation(id: string): Promise<ConversationSnapshot | undefined> {
    this.#check();
    const entry = this.vault.index.conversation(id);
    const file = this.vault.fileOf.get(id);
    if (!entry || file === undefined) return undefined;
    const bytes = (await readOrRefuse(this.parts.disk, `${MANIFESTS}/${file}`)) ?? new Uint8Array(0);
    const { index } = this.vault;
    const decoded = decodeSeedManifest(bytes, file, (hash) => index.segment(hash)?.tokenCount);
    return createSnapshot(
      { number: entry.number, ...decoded },
      (hash) => index.segment(hash)?.id,
      this.lease(),
    );
  }

  /** Nothing is ever collected. */
  lease(): () => void {
    return () => undefined;
  }

  async listConversations(query: ListQuery): Promise<ConversationPage> {
    this.#check();
    for (const [path, detail] of this.vault.damaged) {
      if (!path.startsWith(`${MANIFESTS}/`)) continue;
      const message = `${path} cannot be read: ${detail}; move it away to list the others`;
      throw new StowkenError('CORRUPT_STORE', message, { manifest: path });
    }
    return listConversations(this.vault.index, query);
  }

  async listGarbage({ limit, after }: GarbageQuery): Promise<GarbagePage> {
    this.#check();
    const garbage = this.vault.index.garbageAfter(Number(after ?? 0));
    const segments = garbage.slice(0, limit).map(storedSegment);
    return { segments, next: segments.length < garbage.length ? segments.at(-1)?.key : undefined };
  }

  async stats(): Promise<VaultStats> {
    this.#check();
    const { fileBytes, blockBytes, ...figures } = this.vault.index.figures;
    return { ...figures, registryBytes: 0, inUseBytes: blockBytes, fileBytes };
  }

  async check({ onProgress, signal }: CheckOptions = {}): Promise<Violation[]> {
    this.#check();
    const { index, damaged } = this.vault;
    const violations: Violation[] = [];
    for (const [subject, detail] of damaged) violations.push({ invariant: 'seed-file', subject, detail });
    for (const [hash, references] of index.missing) {
      const detail = `${references} manifests name it, and it is not stored`;
      violations.push({ invariant: 'manifest-segments', subject: `segment ${hash}`, detail });
    }
    let done = 0;
    for (const entry of index.segments()) {
      if (signal?.aborted) throw new StowkenError('CANCELLED', 'the check was cancelled');
      try {
        await this.#frame(entry);
      } catch (error) {
        if (!isStowkenError(error)) throw error;
        violations.push({ invariant: 'frame', subject: `segment ${entry.hash}`, detail: error.message });
      }
      done += 1;
      onProgress?.(done, index.figures.segments);
    }
    return violations;
  }

  async listRegistries(): Promise<StoredRegistry[]> {
    this.#check();
    return [];
  }

  async readRegistry(): Promise<undefined> {
    this.#check();
  }

  async scanSegments(query: ScanQuery): Promise<SegmentScan> {
    this.#check();
    const { entries, next } = scanPage(this.vault.index, query);
    const keys = entries.map(({ id }) => id as SegmentKey);
    const frames = await this.readFrames(keys);
    const segments = entries.map(({ id, tokenCount }, at) => ({
      key: id as SegmentKey,
      tokenCount,
      frame: frames[at] as Uint8Array,
    }));
    return { segments, next };
  }

  health() {
    return { writable: false, cause: READ_ONLY };
  }

  async close(): Promise<void> {
    this.#open = false;
  }

  #check(): void {
    if (!this.#open) throw closed();
  }

  #entry(key: SegmentKey): SegmentEntry {
    const entry = typeof key === 'number' ? this.vault.index.segmentById(key) : undefined;
    if (!entry) throw segmentNotFound(key);
    return entry;
  }

  async #frame({ hash, tokenCount }: SegmentEntry): Promise<Uint8Array> {
    const bytes = await readOrRefuse(this.parts.disk, segmentPath(hash));
    if (!bytes) throw new StowkenError('CORRUPT_STORE', `the file of segment ${hash} is gone`);
    const frame = frameOfSeedSegment(bytes, hash, this.parts);
    const counted = this.parts.codec.decode(frame).tokenCount;
    if (counted === tokenCount) return frame;
    const message = `segment ${hash} has ${counted} tokens, not the ${tokenCount} that are kept of it`;
    throw new StowkenError('CORRUPT_STORE', message, { segment: hash });
  }
}
