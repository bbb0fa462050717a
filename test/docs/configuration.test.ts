import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { settings, type Setting } from '../../src/cli/serve/options.js';

const page = readFileSync(join(resolve(import.meta.dirname, '../..'), 'docs/configuration.md'), 'utf8');
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('| `--'))
  .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()));

it.each(Object.entries<Setting>(settings))('the page of the configuration names --%s', (name, setting) => {
  const row = rows.find(([, flag]) => new RegExp(`--${name}[ \`]`).test(flag!));
  expect(row, `a row of --${name}`).toBeDefined();
  const [, , environment, key, initial] = row!;
  expect(environment).toContain(`\`STOWKEN_${name.toUpperCase().replaceAll('-', '_')}\``);
  expect(key).toContain(`\`${name}\``);
  if (setting.initial !== undefined) expect(initial).toContain(`\`${setting.initial}\``);
});
