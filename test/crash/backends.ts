import type { LiveCodec } from '../../src/codec/index.js';
import { openLmdbBackend, type ManagedBackend } from '../../src/storage/index.js';

export const durableKinds = ['lmdb'] as const;
export type DurableKind = (typeof durableKinds)[number];

export function openDurable(kind: DurableKind, folder: string, codec: LiveCodec): Promise<ManagedBackend> {
  switch (kind) {
    case 'lmdb':
      return openLmdbBackend({ folder, codec, clock: Date.now });
  }
}
