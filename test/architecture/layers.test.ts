import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

/** Folders of src from which a folder may import, besides itself. Imports go one way. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  model: [],
  queue: [],
  threads: [],
  identity: ['model'],
  core: ['model'],
  codec: ['model', 'core', 'threads'],
  text: ['model', 'queue', 'threads'],
  storage: ['model', 'core', 'codec'],
  vault: ['model', 'queue', 'core', 'codec', 'text', 'storage'],
  vaults: ['model', 'core', 'codec', 'text', 'storage', 'vault'],
  audit: ['model'],
  rpc: ['model', 'queue', 'identity', 'audit', 'text', 'storage', 'vault', 'vaults'],
  metrics: ['model', 'storage', 'vault', 'vaults', 'rpc'],
  page: ['model', 'identity', 'rpc'],
  workers: [
    'model',
    'queue',
    'identity',
    'audit',
    'core',
    'codec',
    'text',
    'storage',
    'vault',
    'vaults',
    'rpc',
    'metrics',
    'page',
  ],
  doctor: ['model', 'identity', 'storage', 'rpc'],
  client: ['model'],
  cli: ['model', 'queue', 'identity', 'client'],
  server: [
    'model',
    'identity',
    'audit',
    'core',
    'codec',
    'text',
    'storage',
    'vault',
    'vaults',
    'rpc',
    'metrics',
    'page',
    'workers',
    'cli',
  ],
};

/** Packages that only one folder may import: the rest of the code does not know them. */
const ownedPackages: Readonly<Record<string, string>> = {
  'hash-wasm': 'core',
  lmdb: 'storage',
  pg: 'storage',
  commander: 'cli',
  'cli-progress': 'cli',
  jose: 'identity',
  'prom-client': 'metrics',
  '@opentelemetry/api': 'rpc',
};

/** Imports from a folder or a package that the files of one folder may not have, with the reason. */
interface Border {
  readonly from: RegExp;
  readonly to: RegExp;
  readonly reason: string;
}

const backends = ['lmdb', 'filesystem', 'memory', 'postgres'];
const borders: readonly Border[] = [
  {
    from: /^storage\/(?!lmdb\/tables\/)/,
    to: /^lmdb$/,
    reason: 'only storage/lmdb/tables imports lmdb: its transactions and errors are guarded there',
  },
  {
    from: /^storage\/(?!postgres\/database\/)/,
    to: /^pg$/,
    reason: 'only storage/postgres/database imports pg, which is not installed everywhere',
  },
  ...backends.map((backend) => ({
    from: new RegExp(`^storage/${backend}/`),
    to: new RegExp(`^storage/(?!${backend}/)(${backends.join('|')})/`),
    reason: 'backends do not know each other: a rule that two of them keep stands in storage/shared',
  })),
  {
    from: /^storage\/(contract|shared)\//,
    to: new RegExp(`^storage/(${backends.join('|')})/`),
    reason: 'the contract and the shared rules of storage know no backend',
  },
  {
    from: /^storage\/contract\//,
    to: /^storage\/(?!contract\/)/,
    reason: 'the contract stands alone: what keeps it may change',
  },
  {
    from: /^storage\/lmdb\/packs\//,
    to: /^storage\/lmdb\/segments\//,
    reason: 'packs hold frames by key: which segment has a key is decided above them',
  },
];

/** Files that join the parts of the program. */
const entries = ['main.ts', 'local.ts'];

const root = resolve(import.meta.dirname, '../../src');
const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));

const folderOf = (file: string) => relative(root, file).split('/')[0]!;

function importsOf(file: string): string[] {
  const { importedFiles } = ts.preProcessFile(readFileSync(join(root, file), 'utf8'), true, true);
  return importedFiles.map(({ fileName }) => fileName);
}

describe('the layers of src', () => {
  it.each(files)('%s imports downwards, through doors, and no package that is not its own', (file) => {
    const folder = folderOf(join(root, file));
    for (const specifier of importsOf(file)) {
      if (!specifier.startsWith('.')) {
        const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
        expect(ownedPackages[name] ?? folder, `${file} imports ${name}`).toBe(folder);
        continue;
      }
      const target = resolve(root, dirname(file), specifier);
      const targetFolder = folderOf(target);
      if (targetFolder === folder || entries.includes(file)) continue;
      expect(mayImport[folder], `src/${folder} is not in the list of layers`).toBeDefined();
      expect(mayImport[folder], `${file} imports ${specifier}`).toContain(targetFolder);
      expect(relative(root, target), `${file} reaches past a door`).toBe(`${targetFolder}/index.js`);
    }
  });

  it.each(borders)('$reason', ({ from, to }) => {
    const inside = files.filter((file) => from.test(file));
    expect(inside).not.toEqual([]);
    const crossing = inside.flatMap((file) =>
      importsOf(file)
        .map((specifier) =>
          specifier.startsWith('.') ? relative(root, resolve(root, dirname(file), specifier)) : specifier,
        )
        .filter((target) => to.test(target))
        .map((target) => `${file} imports ${target}`),
    );
    expect(crossing).toEqual([]);
  });

  it('has no circle of imports, of types neither', () => {
    const imports = new Map(
      files.map((file) => [
        file,
        importsOf(file)
          .filter((specifier) => specifier.startsWith('.'))
          .map((specifier) => join(dirname(file), specifier).replace(/\.js$/, '.ts')),
      ]),
    );
    const done = new Set<string>();
    const follow = (file: string, path: readonly string[]): void => {
      if (path.includes(file))
        expect.fail(`a circle: ${[...path.slice(path.indexOf(file)), file].join(' > ')}`);
      if (done.has(file)) return;
      for (const target of imports.get(file) ?? []) follow(target, [...path, file]);
      done.add(file);
    };
    for (const file of files) follow(file, []);
  });

  it('has every folder in the list', () => {
    const folders = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(folders.map(({ name }) => name).sort()).toEqual(Object.keys(mayImport).sort());
  });
});
