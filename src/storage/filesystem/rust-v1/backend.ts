import type { Codec } from '../../../codec/index.js';
import type { TokenCore } from '../../../core/index.js';
import { countOf, StowkenError, type VaultStats } from '../../../model/index.js';
import type { ManagedBackend } from '../../contract/backend.js';
import type { SegmentKey } from '../../contract/change.js';
import type { CheckOptions, Violation } from '../../contract/checks.js';
import type { ConversationSnapshot, ScanQuery, SegmentScan, StoredRegistry } from '../../contract/queries.js';
import { scanPage } from '../../shared/record-queries.js';
import { Findings } from '../check/findings.js';
import { type Disk, readOrRefuse } from '../disk/disk.js';
import { inParallel } from '../disk/parallel.js';
import { MANIFESTS, segmentPath } from '../layout/paths.js';
import { IndexReader } from '../read/index-reader.js';
import { createSnapshot } from '../read/manifests.js';
import type { SegmentEntry } from '../vault-index/figures.js';
import { frameOfRustV1Segment, loadRustV1Vault, type RustV1Vault } from './load.js';
import { decodeRustV1Manifest } from './manifest.js';

export interface RustV1Parts {
  readonly disk: Disk;
  readonly codec: Codec;
  readonly core: TokenCore;
}

const READ_ONLY =
  'it was written by the Rust library (schema version 1) and is open for reading: export it, and import that into a new vault';

/** Opens a vault of the Rust library, for reading. Nothing in its folder is changed. */
export async function openRustV1Vault(parts: RustV1Parts): Promise<ManagedBackend> {
  return new RustV1Backend(parts, await loadRustV1Vault(parts.disk));
}

class RustV1Backend extends IndexReader implements ManagedBackend {
  constructor(
    private readonly parts: RustV1Parts,
    private readonly vault: RustV1Vault,
  ) {
    super(vault.vaultId, vault.index);
  }

  async commit(): Promise<never> {
    this.assertOpen();
    throw new StowkenError('WRITES_STOPPED', `the vault takes no writes: ${READ_ONLY}`, { cause: READ_ONLY });
  }

  async readFrames(keys: readonly SegmentKey[]): Promise<Uint8Array[]> {
    this.assertOpen();
    const frames: Uint8Array[] = [];
    const entries = keys.map((key) => this.entry(key));
    await inParallel(entries, async (entry, at) => void (frames[at] = await this.#frame(entry)));
    return frames;
  }

  async getConversation(id: string) {
    this.assertOpen();
    return this.index.conversation(id)?.conversation;
  }

  async openConversation(id: string): Promise<ConversationSnapshot | undefined> {
    this.assertOpen();
    const entry = this.index.conversation(id);
    const file = this.vault.fileOf.get(id);
    if (!entry || file === undefined) return undefined;
    const bytes = (await readOrRefuse(this.parts.disk, `${MANIFESTS}/${file}`)) ?? new Uint8Array(0);
    const decoded = decodeRustV1Manifest(bytes, file, (hash) => this.index.segment(hash)?.tokenCount);
    return createSnapshot(
      { number: entry.number, ...decoded },
      (hash) => this.index.segment(hash)?.id,
      this.lease(),
    );
  }

  /** Nothing is ever collected. */
  lease(): () => void {
    return () => undefined;
  }

  protected assertManifestsRead(): void {
    for (const [path, detail] of this.vault.damaged) {
      if (!path.startsWith(`${MANIFESTS}/`)) continue;
      const message = `${path} cannot be read: ${detail}; move it away to list the others`;
      throw new StowkenError('CORRUPT_STORE', message, { manifest: path });
    }
  }

  protected assertReferencesRead(): void {
    this.assertManifestsRead();
  }

  async stats(): Promise<VaultStats> {
    this.assertOpen();
    this.assertReferencesRead();
    const { fileBytes, blockBytes, ...figures } = this.index.figures;
    return { ...figures, registryBytes: 0, inUseBytes: blockBytes, fileBytes };
  }

  async check(options: CheckOptions = {}): Promise<Violation[]> {
    this.assertOpen();
    const findings = new Findings(this.index.figures.segments, options);
    for (const [path, detail] of this.vault.damaged) findings.report('rust-v1-file', path, detail);
    for (const [hash, references] of this.index.missing) {
      const detail = `${references} manifests name it, and it is not stored`;
      findings.report('manifest-segments', `segment ${hash}`, detail);
    }
    for (const entry of this.index.segments()) {
      const read = async (): Promise<void> => void (await this.#frame(entry));
      await findings.guarded('frame', `segment ${entry.hash}`, read);
      findings.progress();
    }
    return findings.violations;
  }

  async listRegistries(): Promise<StoredRegistry[]> {
    this.assertOpen();
    return [];
  }

  async readRegistry(): Promise<undefined> {
    this.assertOpen();
  }

  async scanSegments(query: ScanQuery): Promise<SegmentScan> {
    this.assertOpen();
    const { entries, next } = scanPage(this.index, query);
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
    this.markClosed();
  }

  async #frame({ hash, tokenCount }: SegmentEntry): Promise<Uint8Array> {
    const bytes = await readOrRefuse(this.parts.disk, segmentPath(hash));
    if (!bytes) throw new StowkenError('CORRUPT_STORE', `the file of segment ${hash} is gone`);
    const frame = frameOfRustV1Segment(bytes, hash, this.parts);
    const counted = this.parts.codec.decode(frame).tokenCount;
    if (counted === tokenCount) return frame;
    const message = `segment ${hash} has ${countOf(counted, 'token')}, not the ${tokenCount} that are kept of it`;
    throw new StowkenError('CORRUPT_STORE', message, { segment: hash });
  }
}
