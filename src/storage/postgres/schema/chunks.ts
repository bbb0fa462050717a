/**
 * Migration 7: the index by hash in chunks. A row of `hc` has entries of `hx` by rising hashes, none below
 * its `h`, and all of them below that of the next row; an entry is in one of the two tables. A server that
 * does not know them would bring what they have once more: none may be left.
 */
export const chunkTables: readonly string[] = [
  `create table hc (
    p int not null, h uuid not null, hs uuid[] not null, rs uuid[] not null, ks int8[] not null,
    slots int4[] not null, tokens int4[] not null, primary key (p, h))`,
];

/** Every update of these changes a column of an index: room in their pages saves nothing. */
export const chunkOptions: readonly string[] = [
  `alter table conv set (fillfactor = 100)`,
  `alter table ref set (fillfactor = 100)`,
];

/** Entries of a row: with so many it is just small enough to have no part apart, and four fill a page. */
export const chunkEntriesMax = 38;
