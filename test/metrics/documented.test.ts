import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Definition, definitions } from '../../src/metrics/index.js';

const root = join(import.meta.dirname, '../..');
const all = Object.entries<Definition>(definitions);

const table = [
  '| metric | type | labels | meaning |',
  '| --- | --- | --- | --- |',
  ...all.map(
    ([name, { type, labels, help }]) =>
      `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`,
  ),
].join('\n');

describe('the metrics', () => {
  it('are all in docs/operations.md; the table to put there is in the failure', () => {
    const page = readFileSync(join(root, 'docs/operations.md'), 'utf8');
    const section = /^## Metrics$(.*?)(?=^## |(?![\s\S]))/ms.exec(page)?.[1] ?? '';
    const rows = section
      .split('\n')
      .filter((line) => /^\| (metric|--- \| --- \| --- \| ---|`\w+` \|)/.test(line));
    expect(rows.join('\n')).toBe(table);
  });

  it.each(all)('%s has a name by the rules of Prometheus', (name, { type, labels, help }) => {
    expect(name).toMatch(/^[a-z][a-z0-9_]*[a-z0-9]$/);
    expect(name.endsWith('_total')).toBe(type === 'counter');
    // Base units, and no suffix that a type of metric adds.
    expect(name).not.toMatch(/_(ms|milliseconds|mib|kib|percent|count|sum|bucket)$/);
    for (const label of labels) expect(label).toMatch(/^[a-z][a-z_]*$/);
    for (const label of labels)
      expect(label, 'a label of content').not.toMatch(/^(id|model|application|tokenizer|user)$/);
    expect(help).toMatch(/\S[^.]$/);
  });
});
