import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';

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

it('every statement about the rows of a vault is about one partition', () => {
  const ofTables = /\b(conv|part|hx|delta|ref|gone|holder|req|registry|tokenizer|lease|server|totals|gate)\b/;
  const loose = [...statements()].filter(
    ([name, text]) =>
      name !== 'database_settings' && ofTables.test(text) && !/\bp = \$1\b|\(p, |\$1::int/.test(text),
  );
  expect(loose.map(([name]) => name)).toEqual([]);
});
