/**
 * Migration 5: the prefix index. A row has up to 256 fingerprints of the blocks that a conversation begins
 * with. Conversations of before are found when they are stored again with other content, or copied.
 */
export const prefixTables: readonly string[] = [
  `create table prefix (
    p int not null, n int not null, g uuid not null, idh uuid not null, blocks bytea not null,
    primary key (p, idh, n))`,
  'create index prefix_blocks on prefix (p, n, g, blocks, idh)',
];
