/** True of a conversation that was stored at the time of its creation, and not changed since. */
export const isUnchanged = 'stored = created and updated = created';
/** The contrary. A statement that has one of the two in these words may use the indexes of such rows. */
export const isChanged = '(stored <> created or updated <> created)';

/**
 * Migration 8: conversations by times. One that was never changed has one time, and one entry instead of
 * three. The gate is changed last: who waits for it holds rows of conversations. Every change names its
 * column: a server of before that started in the moment of the migration fails with its first change, and
 * stores nothing. So each migration after which servers of before may not go on renames it.
 */
export const timeIndexes: readonly string[] = [
  `create index conv_once on conv (p, created, cid) where ${isUnchanged}`,
  `create index conv_changed_created on conv (p, created, cid) where ${isChanged}`,
  `create index conv_changed_stored on conv (p, stored, cid) where ${isChanged}`,
  `create index conv_changed_updated on conv (p, updated, cid) where ${isChanged}`,
  'drop index conv_created',
  'drop index conv_stored',
  'drop index conv_updated',
  'alter table ref alter column tokens drop not null',
  'alter table ref alter column bytes drop not null',
  'alter table ref alter column since drop not null',
  'alter table gate rename column g to g8',
];
