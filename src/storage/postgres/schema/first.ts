/**
 * Migration 1: the tables of docs/formats/postgres.md. Only what PostgreSQL, Citus, CockroachDB and
 * YugabyteDB have in common, but for the storage options at the end. Columns go by their size, so that none
 * is padded.
 */
export const first: readonly string[] = [
  `create table vault (
    p int not null primary key, created int8 not null, vault_id bytea not null, name bytea not null unique,
    record bytea)`,
  `create table totals (
    p int not null primary key, clock int8 not null, convs int8 not null, msgs int8 not null, toks int8 not null,
    segs int8 not null, utoks int8 not null, bytes int8 not null, lists int8 not null)`,
  `create table gate (p int not null, g int not null, ep int8 not null, primary key (p, g))`,
  `create table conv (
    p int not null, rev int not null, msgs int not null, parts int not null, cid int8 not null, k int8 not null,
    toks int8 not null, created int8 not null, stored int8 not null, updated int8 not null, expires int8, idh uuid not null,
    id bytea not null, app bytea not null, model bytea not null, tok bytea not null, parent bytea not null,
    meta bytea not null, primary key (p, idh))`,
  `create index conv_created on conv (p, created, cid)`,
  `create index conv_stored on conv (p, stored, cid)`,
  `create index conv_updated on conv (p, updated, cid)`,
  `create index conv_expires on conv (p, expires, cid) where expires is not null`,
  `create table part (
    p int not null, n int not null, m0 int not null, msgs int not null, k int8 not null, c int8 not null,
    t0 int8 not null, toks int8 not null, packs int8[], list bytea not null, dir bytea not null,
    data bytea not null, primary key (p, k))`,
  `create index part_list on part (p, c, n) where n > 0`,
  `create table hx (
    p int not null, slot int not null, k int8 not null, tokens int not null, h uuid not null, r uuid not null,
    primary key (p, h))`,
  `create table delta (p int not null, k int8 not null, at int8 not null, d bytea not null, primary key (p, k))`,
  `create table ref (
    p int not null, slot int not null, k int8 not null, n int not null, tokens int not null, bytes int8 not null,
    since int8 not null, condemned int8, primary key (p, k, slot))`,
  `create index ref_garbage on ref (p, k, slot) where n <= 0`,
  `create table gone (p int not null, k int8 not null, condemned int8, primary key (p, k))`,
  `create table holder (
    p int not null, slot int not null, k int8 not null, holder bytea not null, primary key (p, k, slot, holder))`,
  `create table req (
    p int not null, at int8 not null, rid uuid not null, digest uuid not null, result bytea not null,
    primary key (p, rid))`,
  `create index req_at on req (p, at)`,
  `create table registry (
    p int not null, id int not null, created int8 not null, segs int8 not null, toks int8 not null,
    bytes int8 not null, dropping int8, data bytea not null, primary key (p, id))`,
  `create table tokenizer (
    p int not null, name bytea not null, sha256 bytea not null, packed bytea not null, primary key (p, name))`,
  `create table lease (
    p int not null, fence int8 not null, until timestamptz not null, holder uuid not null, name text not null,
    primary key (p, name))`,
  `create table server (
    p int not null, oldest int8 not null, beat timestamptz not null, id uuid not null, primary key (p, id))`,
];

/** Storage options of PostgreSQL: rows that are updated in place, and frames as they are. */
export const firstOptions: readonly string[] = [
  `alter table conv set (fillfactor = 90)`,
  `alter table gate set (fillfactor = 50)`,
  `alter table totals set (fillfactor = 50)`,
  `alter table ref set (fillfactor = 80)`,
  `alter table part alter column data set storage external`,
];
