import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const copied = [
  'assembly',
  'build',
  'proto',
  'registry-0',
  'src',
  'tokenizers',
  '.prettierrc.json',
  'asconfig.json',
  'build.mjs',
  'generate.mjs',
  'tsconfig.json',
  'tsconfig.types.json',
];

/** A copy of the project, built as this one is. */
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'stowken-build-'));
  for (const name of [...copied, 'package.json', 'package-lock.json'])
    cpSync(join(root, name), join(folder, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  build();
});
afterAll(() => rmSync(folder, { recursive: true }));

const build = () => execFileSync(process.execPath, ['build.mjs'], { cwd: folder, stdio: 'pipe' });
const inFolder = (file: string) => join(folder, file);
const made = (file: string) => statSync(inFolder(file)).mtimeMs;

describe('the build', () => {
  it('makes what has changed, and leaves the rest', () => {
    const others = ['build/core.release.wasm', 'build/contract.binpb', 'build/src/main.js'];
    const before = others.map(made);
    appendFileSync(inFolder('src/codec/codec.ts'), 'export const edited = true;\n');
    build();
    const output = readFileSync(inFolder('build/src/codec/codec.js'), 'utf8');
    expect(output).toContain('export const edited = true;');
    expect(others.map(made)).toEqual(before);
    const map = JSON.parse(readFileSync(inFolder('build/src/codec/codec.js.map'), 'utf8')) as {
      sourceRoot: string;
      sources: [string];
    };
    expect(resolve(inFolder('build/src/codec'), map.sourceRoot, map.sources[0])).toBe(
      inFolder('src/codec/codec.ts'),
    );
    const edited = made('build/src/codec/codec.js');
    build();
    expect(made('build/src/codec/codec.js')).toBe(edited);
  });

  it('makes programs of what has changed, and leaves no part of the ones before', () => {
    const chunks = () => readdirSync(inFolder('build/programs/chunks'));
    const runs = () =>
      execFileSync(process.execPath, ['build/programs/main.js', '--version'], { cwd: folder });
    const before = chunks();
    appendFileSync(inFolder('src/main.ts'), "process.stdout.write('edited');\n");
    build();
    expect(runs().toString()).toContain('edited');
    expect(chunks()).toHaveLength(before.length);
  });

  it('removes what is left of a source that is gone', () => {
    writeFileSync(inFolder('src/codec/passing.ts'), 'export const passing = true;\n');
    build();
    expect(existsSync(inFolder('build/src/codec/passing.js'))).toBe(true);
    rmSync(inFolder('src/codec/passing.ts'));
    build();
    expect(existsSync(inFolder('build/src/codec/passing.js'))).toBe(false);
    expect(existsSync(inFolder('build/src/codec/passing.js.map'))).toBe(false);
  });

  it('fails where a source cannot be read, and again until it can', () => {
    writeFileSync(inFolder('src/codec/broken.ts'), 'export const = ;\n');
    expect(build).toThrow(/broken\.ts/);
    expect(build).toThrow(/broken\.ts/);
    rmSync(inFolder('src/codec/broken.ts'));
    build();
  });
});
