import { frameRegistryId } from '../../codec/index.js';
import type { SegmentKey } from '../contract/change.js';
import type { ScanQuery, SegmentScan, StoredRegistry } from '../contract/queries.js';
import type { MemoryStore } from './store.js';

export function listRegistries(store: MemoryStore): StoredRegistry[] {
  return [...store.registries.stored].map(([id, { bytes, createTimeMs }]) => {
    const users = [...store.segments.values()].filter(({ frame }) => frameRegistryId(frame) === id);
    return {
      id,
      bytes: bytes.length,
      createTimeMs,
      segments: users.length,
      tokens: users.reduce((sum, { tokenCount }) => sum + tokenCount, 0),
      frameBytes: users.reduce((sum, { frame }) => sum + frame.length, 0),
    };
  });
}

export function scanSegments(store: MemoryStore, { after, limit, bytesMax }: ScanQuery): SegmentScan {
  const rest = [...store.segments.values()]
    .filter(({ id }) => after === undefined || id > Number(after))
    .sort((a, b) => a.id - b.id);
  let bytes = 0;
  const fitting = rest.findIndex(({ frame }, index) => {
    bytes += frame.length;
    return index === limit || (bytes > bytesMax && index > 0);
  });
  const page = fitting === -1 ? rest : rest.slice(0, fitting);
  const segments = page.map(({ id, tokenCount, frame }) => ({
    key: id as SegmentKey,
    tokenCount,
    frame: frame.slice(),
  }));
  return { segments, next: fitting === -1 ? undefined : segments.at(-1)!.key };
}
