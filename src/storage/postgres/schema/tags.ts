/**
 * Migration 4: labels that may be built and dropped while servers go on, and conversations by their values.
 * Labels of before are set once more by the server that opens the vault.
 */
export const tagTables: readonly string[] = [
  'drop table label',
  `create table label (
    p int not null, ready boolean not null, dropped boolean not null, l int8 not null, name bytea not null,
    primary key (p, l))`,
  `create table tag (
    p int not null, l int8 not null, created int8 not null, cid int8 not null, h uuid not null,
    idh uuid not null, primary key (p, l, h, created, cid))`,
];
