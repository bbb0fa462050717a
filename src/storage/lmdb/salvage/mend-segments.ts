import type { LiveCodec } from '../../../codec/index.js';
import { isStowkenError } from '../../../model/index.js';
import { decodePack, deletedEntry, encodePack, idAt, type Pack } from '../packs/pack.js';
import { keyOfPack, restKey } from '../packs/pack-layout.js';
import { trustsDamagedPacks, SegmentReader } from '../packs/segment-reader.js';
import { printOf } from '../segments/dense-chunk.js';
import { fingerprintOf } from '../segments/hash-index.js';
import { Registries } from '../segments/registries.js';
import type { Tables } from '../tables/environment.js';
import { undefinedIfCorrupt } from '../tables/lmdb-errors.js';
import type { SegmentId } from '../tables/ids.js';

/** Loads the intact registries and removes the others; returns those. Runs in a write transaction. */
export function mendRegistries(tables: Tables, codec: LiveCodec, nowMs: number): number[] {
  const lost: number[] = [];
  const { registries, registryData } = tables;
  for (const id of [...registryData.keys()]) {
    const bytes = registryData.get(id)!;
    const learnt = undefinedIfCorrupt(() => (codec.add(bytes), true));
    if (!learnt) {
      registryData.remove(id);
      lost.push(id);
    } else if (!registries.get(id)) {
      registryData.remove(id);
      new Registries(tables).put(id, bytes, nowMs);
    }
  }
  for (const id of [...registries.keys()]) {
    if (registryData.get(id)) continue;
    registries.remove(id);
    if (!lost.includes(id)) lost.push(id);
  }
  return lost;
}

export interface KeptSegments {
  /** Tokens of each intact segment. */
  readonly tokens: ReadonlyMap<number, number>;
  readonly lost: readonly number[];
}

/**
 * Keeps the segments whose frames are intact, decode, and have the hash of the index; all others are removed
 * from their packs. `unproven` are the keys of packs with a wrong checksum. Runs in a write transaction.
 */
export function mendSegments(
  tables: Tables,
  codec: LiveCodec,
  unproven: ReadonlySet<number>,
  prints: ReadonlyMap<number, number>,
): KeptSegments {
  const tokens = new Map<number, number>();
  const lost: number[] = [];
  dropOverlapping(tables);
  const keys = [...tables.packs.keys()];
  for (const key of keys) {
    const reader = new SegmentReader(tables, trustsDamagedPacks);
    const pack = undefinedIfCorrupt(() => decodePack(key, tables.packs.get(key)!));
    if (!pack) continue;
    pack.entries.forEach((entry, index) => {
      const id = idAt(pack, index);
      if ((index === 0 && pack.continues) || entry.frameBytes === 0) return;
      const isProven = !unproven.has(key) && !(pack.continued && unproven.has(restKey(id)));
      const count = tokensOf(id, reader, codec, isProven, prints.get(id));
      if (count === entry.tokenCount) tokens.set(id, count);
      else lost.push(id);
    });
  }
  for (const key of keys) rewritePack(tables, key, tokens);
  return { tokens, lost };
}

/** Returns the tokens of a segment whose frame decodes to its proper content. */
function tokensOf(
  id: SegmentId,
  reader: SegmentReader,
  codec: LiveCodec,
  isProven: boolean,
  print: number | undefined,
): number | undefined {
  try {
    const frame = reader.frame(id);
    const { tokenCount } = codec.decode(frame);
    const found = printOf(fingerprintOf(codec.hashOf(frame)));
    // With its checksum, a frame is proven to be the stored one; without, only the index can prove it.
    const isRight = print === undefined ? isProven : found === print;
    return isRight ? tokenCount : undefined;
  } catch (error) {
    if (isStowkenError(error)) return undefined;
    throw error;
  }
}

/** Packs from unreachable pages may be older than those beside them: the first one of a range is kept. */
function dropOverlapping({ packs }: Tables): void {
  let end = 0;
  for (const key of [...packs.keys()]) {
    const pack = undefinedIfCorrupt(() => decodePack(key, packs.get(key)!));
    const first = pack && (pack.continues ? pack.firstId + 1 : pack.firstId);
    if (!pack || first! < end) packs.remove(key);
    else end = Math.max(end, pack.firstId + pack.entries.length);
  }
}

function rewritePack({ packs }: Tables, key: number, kept: ReadonlyMap<number, number>): void {
  const record = packs.get(key);
  const pack = record && undefinedIfCorrupt(() => decodePack(key, record));
  if (!pack) return void packs.remove(key);
  const last = pack.firstId + pack.entries.length - 1;
  const dropsRest = pack.continues && !kept.has(pack.firstId);
  const entries = pack.entries.map((entry, index) => {
    const isRest = index === 0 && pack.continues;
    return isRest || kept.has(pack.firstId + index) ? entry : deletedEntry;
  });
  const changed: Pack = {
    firstId: (pack.firstId + (dropsRest ? 1 : 0)) as SegmentId,
    continues: pack.continues && !dropsRest,
    continued: pack.continued && kept.has(last),
    entries: dropsRest ? entries.slice(1) : entries,
  };
  const isSame = !dropsRest && entries.every((entry, index) => entry === pack.entries[index]);
  if (isSame) return;
  packs.remove(key);
  const rest = encodePack(changed);
  if (rest) packs.put(keyOfPack(changed), rest);
}
