import { type Codec, frameRegistryId, undefinedIfCorruptFrame } from '../../../codec/index.js';
import { isStowkenError, type SegmentHash, StowkenError } from '../../../model/index.js';
import type { StagedCommit } from '../commit/staged-commit.js';
import { inParallel } from '../disk/parallel.js';
import type { JournaledFiles } from '../journal/journaled-files.js';
import { segmentPath } from '../layout/paths.js';
import type { SegmentEntry } from '../vault-index/figures.js';
import type { VaultIndex } from '../vault-index/vault-index.js';

/** Reads frames while commits replace and delete them. */
export class FrameReader {
  constructor(
    private readonly files: JournaledFiles,
    private readonly index: VaultIndex,
    private readonly codec: Codec,
  ) {}

  /**
   * Reads the frames of these segments, each to a buffer of its own; undefined if the segment has been
   * deleted meanwhile. The codec can decode them when this resolves: if a frame was replaced while the others
   * were read, and its registry has been dropped since, it is read again.
   * @throws StowkenError CORRUPT_STORE, CORRUPT_SEGMENT
   */
  async read(entries: readonly SegmentEntry[]): Promise<(Uint8Array | undefined)[]> {
    const frames: (Uint8Array | undefined)[] = entries.map(() => undefined);
    let unread = [...entries.keys()];
    while (unread.length > 0) {
      await inParallel(unread, async (at) => {
        frames[at] = await this.#readOne(entries[at] as SegmentEntry);
      });
      unread = unread.filter((at) => !this.#hasRegistryOf(frames[at]));
    }
    return frames;
  }

  /** Reads frames, each independently of the others; undefined also if it is damaged. */
  async readWhole(entries: readonly SegmentEntry[]): Promise<(Uint8Array | undefined)[]> {
    const frames: (Uint8Array | undefined)[] = entries.map(() => undefined);
    await inParallel([...entries.keys()], async (at) => {
      try {
        [frames[at]] = await this.read([entries[at] as SegmentEntry]);
      } catch (error) {
        if (!isStowkenError(error, 'CORRUPT_SEGMENT') && !isStowkenError(error, 'CORRUPT_STORE')) throw error;
      }
    });
    return frames;
  }

  /**
   * Reads the segment's bytes as a draft leaves them; they must not be changed.
   * @throws StowkenError CORRUPT_STORE
   */
  async readDrafted(draft: StagedCommit, hash: SegmentHash): Promise<Uint8Array | undefined> {
    const path = segmentPath(hash);
    const drafted = draft.fileAt(path);
    return drafted ? drafted.bytes : this.files.read(path);
  }

  /** Reads a frame and verifies its hash. */
  async #readOne({ id, hash }: SegmentEntry): Promise<Uint8Array | undefined> {
    for (;;) {
      const before = this.index.segmentById(id);
      const bytes = await this.files.read(segmentPath(hash));
      if (bytes && holds(bytes, hash, this.codec)) return new Uint8Array(bytes);
      const now = this.index.segmentById(id);
      if (!now) return undefined;
      // The frame was replaced or added meanwhile: the bytes read are not those stored now.
      if (now !== before) continue;
      throw bytes
        ? new StowkenError('CORRUPT_SEGMENT', `the frame of segment ${hash} holds other tokens`, {
            segment: hash,
          })
        : new StowkenError('CORRUPT_STORE', `the frame of segment ${hash} is gone`, { segment: hash });
    }
  }

  #hasRegistryOf(frame: Uint8Array | undefined): boolean {
    const registryId = frame && frameRegistryId(frame);
    return registryId === undefined || this.index.registries.get(registryId) !== undefined;
  }
}

function holds(frame: Uint8Array, hash: SegmentHash, codec: Codec): boolean {
  return undefinedIfCorruptFrame(() => codec.hashOf(frame)) === hash;
}
