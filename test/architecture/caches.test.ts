import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const page = read('docs/ARCHITECTURE.md');

/** Classes with the files that the page names for them. */
const documented = [...page.matchAll(/\[`?([A-Z]\w+)`?\]\(\.\.\/(src\/[^)#]+\.ts)\)/g)].map(
  ([, name, file]) => ({ name: name!, file: file! }),
);
const names = new Set(documented.map(({ name }) => name));

describe('the tables of memories in ARCHITECTURE.md', () => {
  it.each(documented)('$name is in $file', ({ name, file }) => {
    expect(read(file)).toMatch(new RegExp(`\\b(class|interface|type) ${name}\\b`));
  });

  it('name what an open LMDB vault remembers', () => {
    const interfaces = [
      ['src/storage/lmdb/commit/segment-changes.ts', 'SegmentIndexCaches'],
      ['src/storage/lmdb/commit/write-session.ts', 'Shared'],
    ];
    const remembered = interfaces.flatMap(([file, name]) => {
      const body = new RegExp(`interface ${name}\\b[^{]*{([^}]*)}`).exec(read(file!))![1]!;
      return [...body.matchAll(/: (\w+);/g)].map(([, type]) => type!);
    });
    expect(remembered.length).toBeGreaterThan(8);
    // The tables are no memory; the codec's registries have a row of their own.
    const others = new Set(['Tables', 'Codec', 'LiveCodec']);
    expect(remembered.filter((type) => !names.has(type) && !others.has(type))).toEqual([]);
  });

  it('name every cache', () => {
    const caches = ['core', 'codec', 'storage', 'text', 'vault', 'vaults'].flatMap((folder) =>
      readdirSync(join(root, 'src', folder), { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.ts'))
        .flatMap((file) => [
          ...read(join('src', folder, file)).matchAll(/^export class (\w*(Cache|Hints))\b/gm),
        ])
        .map(([, name]) => name!),
    );
    expect(caches.length).toBeGreaterThan(4);
    expect(caches.filter((name) => !names.has(name))).toEqual([]);
  });
});
