import type { Tables } from './environment.js';

/** How the keys of each table are kept: u32 in the machine's order, or bytes. */
export const tableKeys = {
  meta: 'u32',
  names: 'u32',
  packs: 'u32',
  heads: 'u32',
  halves: 'u32',
  hashIndex: 'u32',
  recentHashes: 'u32',
  refCounts: 'u32',
  bigRefCounts: 'u32',
  references: 'bytes',
  garbage: 'u32',
  registries: 'u32',
  registryData: 'u32',
  conversations: 'u32',
  pages: 'u32',
  pageCounts: 'u32',
  bigPageCounts: 'u32',
  freedPages: 'bytes',
  requests: 'bytes',
  requestOrder: 'bytes',
  ids: 'bytes',
  prefixRuns: 'u32',
  prefixChildren: 'bytes',
  prefixEnds: 'bytes',
  prefixPlaces: 'u32',
} as const satisfies Record<keyof Tables, 'u32' | 'bytes'>;

export type TableName = keyof typeof tableKeys;
