/** True of a row of `ref` whose segment has no references. Its first half is the condition of the index. */
export const isGarbage = 'since is not null and n <= 0';

/**
 * Migration 10: garbage is indexed by a column that only garbage has. The count itself is in no index, so
 * that a fold changes rows in place; before, each change of a count made an entry in two indexes.
 */
export const garbageIndex: readonly string[] = [
  'update ref set since = null where n > 0 and since is not null',
  'drop index ref_garbage',
  'create index ref_garbage on ref (p, k, slot) where since is not null',
];

/** Rows are updated in place: their pages have room. */
export const garbageOptions: readonly string[] = ['alter table ref set (fillfactor = 90)'];
