import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { connect } from '../../src/client/index.js';
import { invariants } from '../../src/storage/contract/invariants.js';
import { startStowkenByModules } from '../support/process.js';

const root = resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'stowken-docs-'));
afterAll(() => rmSync(folder, { recursive: true }));

const pages = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

const read = (page: string) => readFileSync(join(root, page), 'utf8');

/** Targets of a text's links that are files of the project, from the project's root. */
function linksIn(text: string, page: string): string[] {
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!);
  return targets
    .filter((target) => !/^[a-z]+:|^#/.test(target))
    .map((target) => relative(root, resolve(root, dirname(page), target.replace(/#.*/, ''))));
}

describe.each(pages)('%s', (page) => {
  it('links to files that are there', () => {
    expect(linksIn(read(page), page).filter((target) => !existsSync(join(root, target)))).toEqual([]);
  });
});

describe('the invariants that checks compare', () => {
  const formats = ['storage', 'filesystem', 'postgres']
    .map((name) => read(`docs/formats/${name}.md`))
    .join('\n');

  it.each(invariants)('%s is explained', (invariant) => {
    expect(formats).toMatch(new RegExp(`(\\*\\*|\`)${invariant}(\\*\\*|\`)`));
  });
});

/** Sources that a life in ARCHITECTURE.md names. */
function sourcesOfLife(title: string): string[] {
  const page = 'docs/ARCHITECTURE.md';
  const section =
    read(page)
      .split(/^## /m)
      .find((text) => text.startsWith(`${title}\n`)) ?? '';
  return [...new Set(linksIn(section, page))].filter((target) => target.startsWith('src/'));
}

interface ScriptCoverage {
  readonly url: string;
  readonly functions: readonly {
    readonly ranges: readonly [{ readonly startOffset: number; readonly count: number }];
  }[];
}

/** Sources of which a function ran while a server did this work. */
async function sourcesThatRan(name: string, work: (address: string) => Promise<void>): Promise<Set<string>> {
  const coverage = join(folder, name);
  process.env['NODE_V8_COVERAGE'] = coverage;
  const server = await startStowkenByModules('--data', join(folder, 'vault')).finally(
    () => delete process.env['NODE_V8_COVERAGE'],
  );
  await work(server.address);
  expect(await server.kill('SIGTERM')).toBe(0);
  const ran = new Set<string>();
  for (const file of readdirSync(coverage)) {
    const { result } = JSON.parse(readFileSync(join(coverage, file), 'utf8')) as { result: ScriptCoverage[] };
    for (const { url, functions } of result) {
      // The function that begins with the file is the module itself.
      const isRun = functions.some(({ ranges: [range] }) => range.startOffset > 0 && range.count > 0);
      if (isRun && url.startsWith('file:'))
        ran.add(relative(join(root, 'build'), fileURLToPath(url)).replace(/\.js$/, '.ts'));
    }
  }
  return ran;
}

describe('the lives in ARCHITECTURE.md', () => {
  const lives = [
    {
      title: 'Life of a store',
      work: async (address: string) => {
        const client = connect({ server: address });
        await client.store({ conversation: { id: 'a' }, messages: [{ role: 'user', tokens: [1, 2, 3] }] });
        client.close();
      },
    },
    {
      title: 'Life of a retrieve',
      work: async (address: string) => {
        const client = connect({ server: address });
        const parts = [];
        for await (const part of client.retrieve('a', { encoding: 'tokens' })) parts.push(part.kind);
        expect(parts).toEqual(['header', 'chunk']);
        client.close();
      },
    },
  ];

  it.each(lives)('$title: names the files through which it goes, 25 at most', async ({ title, work }) => {
    const named = sourcesOfLife(title);
    expect(named.length).toBeGreaterThan(10);
    expect(named.length).toBeLessThanOrEqual(25);
    const ran = await sourcesThatRan(title, work);
    expect(named.filter((file) => !ran.has(file))).toEqual([]);
  });
});
