import type { Tables } from './environment.js';

/** Format of each table's keys: u32 in the machine's byte order, or bytes. */
export const tableKeys = {
  meta: 'u32',
  strings: 'u32',
  packs: 'u32',
  frameOverflowPages: 'u32',
  frameHalfPages: 'u32',
  hashIndex: 'u32',
  recentHashes: 'u32',
  refCounts: 'u32',
  bigRefCounts: 'u32',
  references: 'bytes',
  garbage: 'u32',
  registries: 'u32',
  registryData: 'u32',
  conversations: 'u32',
  conversationPacks: 'u32',
  conversationPackHeads: 'u32',
  messageBlocks: 'u32',
  blockCounts: 'u32',
  bigBlockCounts: 'u32',
  freedBlocks: 'bytes',
  requests: 'bytes',
  requestIds: 'bytes',
  ids: 'bytes',
  radixNodes: 'u32',
  radixEdges: 'bytes',
  radixEnds: 'bytes',
  conversationNodes: 'u32',
  postings: 'bytes',
  usage: 'bytes',
  usageGroups: 'u32',
  tokenizers: 'bytes',
} as const satisfies Record<keyof Tables, 'u32' | 'bytes'>;

export type TableName = keyof typeof tableKeys;

/**
 * Size of keys for numbers that may exceed 32 bits: six bytes, big-endian, so that they sort as the numbers
 * do.
 */
const NUMBER_KEY_BYTES = 6;

export function numberKey(number: number): Buffer {
  const key = Buffer.allocUnsafe(NUMBER_KEY_BYTES);
  key.writeUIntBE(number, 0, NUMBER_KEY_BYTES);
  return key;
}

export function numberOfKey(key: Buffer): number {
  return key.readUIntBE(0, NUMBER_KEY_BYTES);
}
