import { frameRegistryId, type LiveCodec } from '../../../codec/index.js';
import { isStowkenError, type SegmentHash, StowkenError } from '../../../model/index.js';
import { distinctHashes } from '../../shared/records.js';
import type { Disk } from '../disk/disk.js';
import { inParallel } from '../disk/parallel.js';
import { hashOfName, listSegments } from '../disk/segment-tree.js';
import { decodeManifest, type Manifest } from '../layout/manifest-record.js';
import {
  HOLDERS_SUFFIX,
  holdersPath,
  isManifestName,
  manifestName,
  MANIFESTS,
  META_SUFFIX,
  metaPath,
  REGISTRIES,
  registryId,
  registryMetaPath,
  registryPath,
  segmentPath,
} from '../layout/paths.js';
import {
  decodeHolders,
  decodeRegistry,
  decodeSegment,
  encodeSegment,
  type VaultRecord,
} from '../layout/records.js';
import type { SegmentEntry } from './figures.js';
import type { RegistryIndex } from './registry-index.js';
import { loadRequests } from './requests.js';
import { VaultIndex } from './vault-index.js';

export interface LoadedVault {
  readonly index: VaultIndex;
  /** Damage of manifests that cannot be read, by file name. */
  readonly damagedManifests: ReadonlyMap<string, string>;
  /** Damage of files of holders that cannot be read, by segment. */
  readonly damagedHolders: ReadonlyMap<SegmentHash, string>;
  /** Sidecars to write for intact segments that had none. */
  readonly sidecars: ReadonlyMap<string, Uint8Array>;
}

/**
 * Reads all registries, requests, manifests, holders and sidecars of a recovered vault; references are
 * derived from them.
 */
export async function loadVault(
  disk: Disk,
  record: VaultRecord,
  codec: LiveCodec,
  clock: () => number,
): Promise<LoadedVault> {
  const index = new VaultIndex();
  const damagedManifests = new Map<string, string>();
  index.nextConversation = record.nextConversation;
  index.lastStoreTimeMs = record.lastStoreTimeMs;
  await loadRegistries(disk, index.registries, codec);
  await loadRequests(disk, index.requests);
  const references = await loadManifests(disk, index, damagedManifests);

  const { segments, withoutSidecar, holders, damagedHolders } = await loadSegmentFiles(disk);
  for (const [hash, { count, bytes }] of holders) {
    references.set(hash, (references.get(hash) ?? 0) + count);
    index.setHolderBytes(hash, bytes);
  }
  const sidecars = new Map<string, Uint8Array>();
  index.nextSegment = segments.reduce((next, { id }) => Math.max(next, id + 1), record.nextSegment);
  for (const hash of withoutSidecar) {
    const content = await contentOf(disk, hash, codec);
    if (!content) continue;
    const segment = { ...content, id: index.nextSegment++, unreferencedSinceMs: clock() };
    const sidecar = encodeSegment(segment);
    sidecars.set(metaPath(hash), sidecar);
    segments.push({ ...segment, sidecarBytes: sidecar.length });
  }
  for (const segment of segments.sort((a, b) => a.id - b.id)) {
    const counted = references.get(segment.hash) ?? 0;
    references.delete(segment.hash);
    index.setSegment(segment.hash, { ...segment, references: counted, unreferencedSequence: 0 });
  }
  for (const [hash, counted] of references) index.missing.set(hash, counted);
  return { index, damagedManifests, damagedHolders, sidecars };
}

/** Returns how many manifests name each segment. */
async function loadManifests(
  disk: Disk,
  index: VaultIndex,
  damaged: Map<string, string>,
): Promise<Map<SegmentHash, number>> {
  const references = new Map<SegmentHash, number>();
  const loaded: (Omit<Manifest, 'messages'> & { readonly manifestBytes: number })[] = [];
  const numbers = new Set<number>();
  const names = (await disk.list(MANIFESTS)).filter(
    ({ name, isFolder }) => !isFolder && isManifestName(name),
  );
  await inParallel(names, async ({ name }) => {
    const bytes = await disk.read(`${MANIFESTS}/${name}`);
    if (!bytes) return;
    const manifest = readRecord(() => decodeManifest(bytes));
    if (typeof manifest === 'string') return void damaged.set(name, manifest);
    const { number, conversation, messages } = manifest;
    if (manifestName(conversation.id) !== name) return; // A stray copy; check() reports it.
    if (numbers.has(number)) return void damaged.set(name, `another manifest has its number, ${number}`);
    numbers.add(number);
    loaded.push({ number, conversation, manifestBytes: bytes.length });
    for (const hash of distinctHashes(messages)) references.set(hash, (references.get(hash) ?? 0) + 1);
  });
  for (const entry of loaded.sort((a, b) => a.number - b.number)) {
    index.setConversation(entry.conversation.id, entry);
    index.nextConversation = Math.max(index.nextConversation, entry.number + 1);
    index.lastStoreTimeMs = Math.max(index.lastStoreTimeMs, entry.conversation.storeTimeMs);
  }
  return references;
}

interface LoadedSegmentFiles {
  readonly segments: Omit<SegmentEntry, 'references' | 'unreferencedSequence'>[];
  /** Segments whose sidecar is missing or damaged. */
  readonly withoutSidecar: SegmentHash[];
  /** Number of outside holders, and bytes of their file. */
  readonly holders: ReadonlyMap<SegmentHash, { readonly count: number; readonly bytes: number }>;
  readonly damagedHolders: ReadonlyMap<SegmentHash, string>;
}

async function loadSegmentFiles(disk: Disk): Promise<LoadedSegmentFiles> {
  const segments: LoadedSegmentFiles['segments'] = [];
  const withoutSidecar: SegmentHash[] = [];
  const holders = new Map<SegmentHash, { count: number; bytes: number }>();
  const damagedHolders = new Map<SegmentHash, string>();
  const ids = new Set<number>();
  for await (const { hashes, names } of listSegments(disk)) {
    await inParallel(hashes, async (hash) => {
      const bytes = names.has(`${hash}${META_SUFFIX}`) ? await disk.read(metaPath(hash)) : undefined;
      const record = bytes && readRecord(() => decodeSegment(bytes));
      if (!bytes || typeof record !== 'object' || record.hash !== hash || ids.has(record.id)) {
        return void withoutSidecar.push(hash);
      }
      ids.add(record.id);
      segments.push({ ...record, sidecarBytes: bytes.length });
    });
    const held = [...names].filter((name) => name.endsWith(HOLDERS_SUFFIX)).map(hashOfName);
    await inParallel(held, async (hash) => {
      const bytes = (await disk.read(holdersPath(hash))) ?? new Uint8Array(0);
      const record = readRecord(() => decodeHolders(bytes, hash));
      if (typeof record === 'string') damagedHolders.set(hash, record);
      else holders.set(hash, { count: new Set(record).size, bytes: bytes.length });
    });
  }
  return { segments, withoutSidecar, holders, damagedHolders };
}

/** Reads the frame itself; undefined if it does not have the segment's hash. */
async function contentOf(disk: Disk, hash: SegmentHash, codec: LiveCodec) {
  const frame = await disk.read(segmentPath(hash));
  const record = readRecord(() => {
    if (!frame || codec.hashOf(frame) !== hash) return undefined;
    const registryId = frameRegistryId(frame) ?? 0;
    return { hash, tokenCount: codec.decode(frame).tokenCount, frameBytes: frame.length, registryId };
  });
  return typeof record === 'string' ? undefined : record;
}

/**
 * Returns the record, or a description of its damage. A record of a newer version is not damage: its error is
 * thrown.
 */
function readRecord<T>(read: () => T): T | string {
  try {
    return read();
  } catch (error) {
    if (isStowkenError(error, 'STORE_VERSION')) throw error;
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * Adds every stored registry to the index and the codec.
 * @throws StowkenError CORRUPT_STORE if one is damaged: without it, most segments could not be read
 */
async function loadRegistries(disk: Disk, index: RegistryIndex, codec: LiveCodec): Promise<void> {
  const files = (await disk.list(REGISTRIES)).filter(({ isFolder }) => !isFolder);
  const ids = new Set(
    files.map(({ name }) =>
      registryId(name.endsWith(META_SUFFIX) ? name.slice(0, -META_SUFFIX.length) : name),
    ),
  );
  for (const id of ids) {
    if (id === undefined) continue; // Not the vault's; check() reports it.
    const bytes = await disk.read(registryPath(id));
    const sidecar = await disk.read(registryMetaPath(id));
    if (!bytes || !sidecar) throw damaged(id, bytes ? 'its .meta is gone' : 'it is gone');
    try {
      const { createTimeMs } = decodeRegistry(sidecar, id, bytes);
      codec.add(bytes);
      index.set(id, { id, bytes: bytes.length, createTimeMs, sidecarBytes: sidecar.length });
    } catch (error) {
      throw isStowkenError(error, 'CORRUPT_STORE') ? damaged(id, error.message) : error;
    }
  }
}

function damaged(id: number, detail: string): StowkenError {
  const message = `${registryPath(id)}: ${detail}; restore it from a backup: without it frames cannot be read`;
  return new StowkenError('CORRUPT_STORE', message, { registry: String(id) });
}
