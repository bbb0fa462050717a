import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

/** The package as `npm pack` makes it, and the promises of its documents. */

const root = resolve(import.meta.dirname, '../..');
const documents = [
  'README.md',
  'CHANGELOG.md',
  ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`),
  ...readdirSync(join(root, 'examples')).map((name) => `examples/${name}/README.md`),
].filter((file) => file.endsWith('.md') && existsSync(join(root, file)));

/** Relative links, from the project's folder. */
function linksOf(document: string): string[] {
  const text = readFileSync(join(root, document), 'utf8');
  const targets = [...text.matchAll(/\]\(([^)\s#]+)[^)]*\)/g)].map(([, target]) => target!);
  return targets
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => relative(root, resolve(root, dirname(document), target)));
}

const links = documents.flatMap((document) => linksOf(document).map((target) => [document, target] as const));

/** Describes the checkout: what it links to is not all in the package. */
const mapOfSources = 'docs/ARCHITECTURE.md';

function packed(): string[] {
  const options = { cwd: root, encoding: 'utf8' } as const;
  const json = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], options);
  const [{ files }] = JSON.parse(json) as [{ readonly files: readonly { readonly path: string }[] }];
  return files.map(({ path }) => path);
}

describe('the documents', () => {
  it('have links', () => expect(links.length).toBeGreaterThan(5));

  it.each(links)('%s: %s is there', (_document, target) => {
    expect(existsSync(join(root, target))).toBe(true);
  });

  it('never have npx fetch a package of that name from the public registry', () => {
    for (const document of documents)
      expect(readFileSync(join(root, document), 'utf8')).not.toMatch(/npx (-\S+ )*stowken/);
  });
});

describe('the package', () => {
  it('has every file that its documents link to, its documents, and its commands', () => {
    const files = new Set(packed());
    const has = (path: string) => files.has(path) || [...files].some((file) => file.startsWith(`${path}/`));
    const linked = links.filter(([document]) => document !== mapOfSources).map(([, target]) => target);
    const missing = [...documents, ...linked].filter((path) => !has(path));
    expect(missing).toEqual([]);
    const { bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      bin: Record<string, string>;
    };
    expect(Object.keys(bin)).toEqual(['stowken', 'stowken-server']);
    for (const file of Object.values(bin)) expect(files).toContain(file);
  });

  it('says of every package with an install script whether it may run', () => {
    const read = (file: string) =>
      JSON.parse(readFileSync(join(root, file), 'utf8')) as Record<string, object>;
    const { packages } = read('package-lock.json') as {
      packages: Record<string, { hasInstallScript?: true }>;
    };
    const withScript = Object.entries(packages)
      .filter(([path, { hasInstallScript }]) => path !== '' && hasInstallScript === true)
      .map(([path]) => path.replace(/^.*node_modules\//, ''))
      .filter((name) => name !== 'fsevents'); // Only for macOS.
    expect(Object.keys(read('package.json')['allowScripts']!)).toEqual(expect.arrayContaining(withScript));
  });

  it('has the command in its folder', () => {
    expect(statSync(join(root, 'stowken')).mode & 0o111).not.toBe(0);
    expect(execFileSync(join(root, 'stowken'), ['--version'], { encoding: 'utf8' })).toMatch(
      /^\d+\.\d+\.\d+\n$/,
    );
  });
});
