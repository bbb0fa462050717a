/**
 * Names of the invariants that checks compare. docs/formats explains each: storage.md those of the `lmdb`
 * storage, filesystem.md and postgres.md those of the others.
 */
export const invariants = [
  // Names that several storages share.
  'frame',
  'garbage',
  'hash-index',
  'holders',
  'id-index',
  'list-index',
  'manifest',
  'manifest-segments',
  'prefix-index',
  'reference-counts',
  'references',
  'record',
  'registries',
  'requests',
  'statistics',
  'usage',
  // The lmdb storage.
  'block-counts',
  'conversation-packs',
  'message-blocks',
  'pack',
  'pack-checksum',
  'shared-segments',
  'tokenizers',
  // The filesystem storage.
  'rust-v1-file',
  'sidecar',
  'stray-file',
  'vault',
  // The postgres storage.
  'lists',
  'tags',
] as const;

export type Invariant = (typeof invariants)[number];
