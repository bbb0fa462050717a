import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { chunkTables } from '../../../src/storage/postgres/schema/chunks.js';
import { fieldIndexes } from '../../../src/storage/postgres/schema/fields.js';
import { first } from '../../../src/storage/postgres/schema/first.js';
import { garbageIndex } from '../../../src/storage/postgres/schema/garbage.js';
import { layout, partitionedTables } from '../../../src/storage/postgres/schema/layout.js';
import { kindRows, kindTables } from '../../../src/storage/postgres/schema/kinds.js';
import { prefixTables } from '../../../src/storage/postgres/schema/prefix.js';
import { tagTables } from '../../../src/storage/postgres/schema/tags.js';
import { timeIndexes } from '../../../src/storage/postgres/schema/times.js';
import { usageTables } from '../../../src/storage/postgres/schema/usage.js';

const folder = resolve(import.meta.dirname, '../../../src/storage/postgres');

/** Constructs that some engine of PostgreSQL's protocol does not have, or that lose what others do. */
const forbidden: Readonly<Record<string, RegExp>> = {
  'LISTEN and NOTIFY': /\b(un)?listen\b|\bnotify\b/i,
  'advisory locks': /advisory/i,
  triggers: /\btrigger\b/i,
  sequences: /\b(big)?serial\b|\bnextval\b|\bsequence\b/i,
  'system columns': /\b(xmin|xmax|ctid)\b/i,
  'SKIP LOCKED, which lets a collector pass by what another folds': /skip\s+locked/i,
  'large objects': /\blo_\w+\(/i,
  'changes in WITH': /\bwith\b[^;]*\b(insert|update|delete)\b/is,
  MERGE: /\bmerge\s+into\b/i,
  'functions of the server': /\bcreate\s+(or\s+replace\s+)?function\b/i,
  cursors: /\bdeclare\b[^;]*\bcursor\b/is,
};

/** Returns the statements of all sources, by their names. */
function statements(): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts')) continue;
    const source = readFileSync(join(folder, name), 'utf8');
    for (const [, statement, , text] of source.matchAll(
      /name: ['`]([^'`]+)['`],\s*text:\s*(['`])([^]*?)\2/g,
    )) {
      expect(found.has(statement!), `statement ${statement} has a name of its own`).toBe(false);
      found.set(statement!, text!);
    }
  }
  return found;
}

it('every statement keeps to what the engines have in common', () => {
  const all = statements();
  expect(all.size).toBeGreaterThan(60);
  const used = [...all].flatMap(([name, text]) =>
    Object.entries(forbidden).flatMap(([what, pattern]) => (pattern.test(text) ? [`${name}: ${what}`] : [])),
  );
  expect(used).toEqual([]);
});

const ofPartitions = new RegExp(`\\b(${partitionedTables.join('|')})\\b`);
/** A table where rows are read, locked, changed or deleted. */
const read = new RegExp(`\\b(?:from|join|update|using)\\s+(?:${partitionedTables.join('|')})\\b`, 'g');

/** Returns the statements about rows of vaults. */
function partitioned(): [string, string][] {
  // The rights of a user are those of the tables.
  return [...statements()].filter(([name, text]) => name !== 'database_settings' && ofPartitions.test(text));
}

it('every statement about the rows of a vault is about one partition', () => {
  const loose = partitioned().filter(([, text]) => {
    const inserted = /^insert into \w+ \(p, [^)]*\)\s+(values \(\$1,|select \$1::int,)/.test(text);
    const conditions = text.match(/\bp = \$1\b|\bf\.p = x\.p\b|\bc\.p = t\.p\b/g) ?? [];
    const tables = text.match(read) ?? [];
    return text.startsWith('insert into')
      ? !inserted || tables.length > 0
      : conditions.length < tables.length;
  });
  expect(loose.map(([name]) => name)).toEqual([]);
});

/** Constructs that Citus has not, or not for rows on other machines, by its documentation. */
const notOnCitus: Readonly<Record<string, RegExp>> = {
  'functions in ON CONFLICT that are not immutable': /\bon conflict\b[^]*\b(now|make_interval|random)\(/i,
  'values that change from row to row in changes':
    /^(insert|update|delete)\b[^]*\b(clock_timestamp|random|gen_random_uuid)\(/i,
  'a change of the column that distributes': /^update \w+ set (?:(?!\bwhere\b)[^])*\bp\s*=/i,
  'joins with tables that are not distributed': /\b(from|join|into|update)\s+(vault|migration|layout)\b/i,
  LATERAL: /\blateral\b/i,
  'WITH RECURSIVE': /\brecursive\b/i,
  'GROUPING SETS': /\bgrouping sets\b|\brollup\b|\bcube\b/i,
  TABLESAMPLE: /\btablesample\b/i,
  'cross and full joins': /\b(cross|full)\s+(outer\s+)?join\b/i,
  'a partition in the condition of a join alone': /\bon\s+(?:\w+\.)?p = \$1/i,
};

it('every statement about the rows of a vault runs on Citus, by its documentation', () => {
  const used = partitioned().flatMap(([name, text]) =>
    Object.entries(notOnCitus).flatMap(([what, pattern]) => (pattern.test(text) ? [`${name}: ${what}`] : [])),
  );
  expect(used).toEqual([]);
});

it('every table of rows of vaults can be distributed by partitions', () => {
  const made = [
    ...first,
    ...layout,
    ...usageTables,
    ...tagTables,
    ...prefixTables,
    ...fieldIndexes,
    ...chunkTables,
    ...timeIndexes,
    ...kindTables,
    ...kindRows,
    ...garbageIndex,
  ].map((text) => text.replace(/\s+/g, ' '));
  const tables = made.flatMap((text) => /^create table (\w+) \((.*)\)$/.exec(text)?.slice(1, 3) ?? []);
  const kept = new Set(['vault', 'layout']);
  for (let at = 0; at < tables.length; at += 2) {
    const [name = '', columns = ''] = tables.slice(at);
    if (kept.has(name)) continue;
    expect(partitionedTables).toContain(name);
    expect(columns, name).toMatch(/^\s?p int not null/);
    expect(columns, name).toMatch(/primary key \(p\b|p int not null primary key/);
    expect(columns, name).not.toMatch(/\bunique\b|\breferences\b|\bforeign\b|\bdefault\b|\bgenerated\b/);
  }
  const indexes = made.filter((text) => /^create\b.*\bindex\b/.test(text));
  for (const text of indexes) expect(text).toMatch(/^create index \w+ on \w+ \(p, /);
  const names = new Set(tables.filter((_, at) => at % 2 === 0));
  expect(names).toEqual(new Set([...partitionedTables, ...kept]));
});
