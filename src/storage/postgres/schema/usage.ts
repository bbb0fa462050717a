/**
 * Migration 3: usage by periods and groups, the content that no counter has, and the labels of a vault.
 * Usage is counted in deltas first.
 */
export const usageTables: readonly string[] = [
  'alter table delta add column usage bytea',
  `create table usage_sum (
    p int not null, period int not null, convs int8 not null, msgs int8 not null, sys int8 not null,
    usr int8 not null, asst int8 not null, fresh int8 not null, prefix int8 not null, bytes int8 not null,
    g uuid not null, grp bytea not null, primary key (p, period, g))`,
  `create table uncounted (
    p int not null primary key, convs int8 not null, msgs int8 not null, toks int8 not null)`,
  'insert into uncounted (p, convs, msgs, toks) select p, convs, msgs, toks from totals',
  'create table label (p int not null, at int not null, name bytea not null, primary key (p, at))',
];
