import { createHash } from 'node:crypto';
import type { Codec } from '../../../codec/index.js';
import type { TokenCore } from '../../../core/index.js';
import { isStowkenError, type SegmentHash, StowkenError, type TokenRun } from '../../../model/index.js';
import { distinctHashes } from '../../shared/records.js';
import type { Disk } from '../disk/disk.js';
import { inParallel } from '../disk/parallel.js';
import { listSegments } from '../disk/segment-tree.js';
import type { Manifest } from '../layout/manifest-record.js';
import { MANIFEST_SUFFIX, MANIFESTS, META_SUFFIX, metaPath, segmentPath } from '../layout/paths.js';
import type { SegmentEntry } from '../vault-index/figures.js';
import { VaultIndex } from '../vault-index/vault-index.js';
import { decodeRustV1Manifest, decodeRustV1Sidecar } from './manifest.js';

export interface RustV1Vault {
  readonly index: VaultIndex;
  /** Computed from the names of its files, because nothing is written to it. */
  readonly vaultId: string;
  readonly fileOf: ReadonlyMap<string, string>;
  /** Damage, by path. */
  readonly damaged: ReadonlyMap<string, string>;
}

/**
 * Reads the manifests and sidecars of a vault that the Rust library wrote; conversations are ordered by their
 * times.
 */
export async function loadRustV1Vault(disk: Disk): Promise<RustV1Vault> {
  const index = new VaultIndex();
  const damaged = new Map<string, string>();
  const fileOf = new Map<string, string>();
  const loaded: (Omit<Manifest, 'number'> & { readonly manifestBytes: number; readonly file: string })[] = [];
  const segments = await loadSegments(disk, damaged);
  const files = (await disk.list(MANIFESTS))
    .filter(({ name, isFolder }) => !isFolder && name.endsWith(MANIFEST_SUFFIX))
    .map(({ name }) => name)
    .sort();
  await inParallel(files, async (file) => {
    const bytes = (await disk.read(`${MANIFESTS}/${file}`)) ?? new Uint8Array(0);
    guarded(damaged, `${MANIFESTS}/${file}`, () => {
      const manifest = decodeRustV1Manifest(bytes, file, (hash) => segments.get(hash)?.tokenCount);
      loaded.push({ ...manifest, manifestBytes: bytes.length, file });
    });
  });
  loaded.sort(
    ({ conversation: a }, { conversation: b }) => a.createTimeMs - b.createTimeMs || (a.id < b.id ? -1 : 1),
  );
  const references = new Map<SegmentHash, number>();
  for (const { conversation, messages, manifestBytes, file } of loaded) {
    if (fileOf.has(conversation.id)) {
      damaged.set(`${MANIFESTS}/${file}`, `it has the id of ${fileOf.get(conversation.id)}`);
      continue;
    }
    fileOf.set(conversation.id, file);
    const number = index.nextConversation++;
    index.setConversation(conversation.id, { number, conversation, manifestBytes });
    for (const hash of distinctHashes(messages)) references.set(hash, (references.get(hash) ?? 0) + 1);
  }
  for (const [hash, segment] of [...segments].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const id = index.nextSegment++;
    index.setSegment(hash, { ...segment, id, references: references.get(hash) ?? 0 });
  }
  for (const [hash, counted] of references) if (!segments.has(hash)) index.missing.set(hash, counted);
  const vaultId = createHash('sha256').update(files.join('/')).digest('hex').slice(0, 32);
  return { index, vaultId, fileOf, damaged };
}

type LoadedSegment = Omit<SegmentEntry, 'id' | 'references'>;

async function loadSegments(
  disk: Disk,
  damaged: Map<string, string>,
): Promise<Map<SegmentHash, LoadedSegment>> {
  const segments = new Map<SegmentHash, LoadedSegment>();
  for await (const { hashes, names } of listSegments(disk)) {
    await inParallel(hashes, async (hash) => {
      const frameBytes = (await disk.size(segmentPath(hash))) ?? 0;
      const sidecar = names.has(`${hash}${META_SUFFIX}`) ? await disk.read(metaPath(hash)) : undefined;
      let tokenCount: number | undefined;
      guarded(damaged, metaPath(hash), () => {
        if (sidecar) tokenCount = decodeRustV1Sidecar(sidecar);
      });
      segments.set(hash, {
        hash,
        // Assumed to be raw tokens if there is no sidecar; a read verifies the count.
        tokenCount: tokenCount ?? Math.floor(frameBytes / 4),
        frameBytes,
        registryId: 0,
        sidecarBytes: sidecar?.length ?? 0,
        unreferencedSinceMs: 0,
        unreferencedSequence: 0,
      });
    });
  }
  return segments;
}

function guarded(damaged: Map<string, string>, path: string, read: () => void): void {
  try {
    read();
  } catch (error) {
    if (!isStowkenError(error, 'CORRUPT_STORE')) throw error;
    damaged.set(path, error.message);
  }
}

const ZSTD_MAGIC = Buffer.of(0x28, 0xb5, 0x2f, 0xfd);

/**
 * Converts a segment's file of the Rust library to a frame. The sidecar's encoding is ignored: the bytes are
 * read as raw tokens or varints, whichever has the SHA-256 in the file's name.
 * @throws StowkenError CORRUPT_SEGMENT if neither has
 */
export function frameOfRustV1Segment(
  bytes: Uint8Array,
  hash: SegmentHash,
  parts: { readonly core: TokenCore; readonly codec: Codec },
): Uint8Array {
  const { core, codec } = parts;
  if (bytes.length % 4 === 0 && core.hashLe32(bytes) === hash) return codec.encode(core.fromLe32(bytes));
  const run = varintsOf(bytes, core);
  if (run && core.hash(run.varints) === hash) return codec.encode(run);
  const what = ZSTD_MAGIC.equals(bytes.subarray(0, ZSTD_MAGIC.length))
    ? 'is compressed with zstd, which is not read'
    : 'is damaged, or compressed in a way that is not read';
  throw new StowkenError('CORRUPT_SEGMENT', `the file of segment ${hash} ${what}`, { segment: hash });
}

function varintsOf(bytes: Uint8Array, core: TokenCore): TokenRun | undefined {
  try {
    return core.fromVarints([bytes]);
  } catch (error) {
    if (isStowkenError(error, 'MALFORMED_TOKENS')) return undefined;
    throw error;
  }
}
