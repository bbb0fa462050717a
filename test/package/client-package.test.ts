import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startStowken } from '../support/process.js';

const root = resolve(import.meta.dirname, '../..');

interface Manifest {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
}

/** The client as it is packed, unpacked into a folder that has nothing else but what it depends on. */
describe('the package of the client', () => {
  let folder: string;
  let installed: string;
  let manifest: Manifest;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'stowken-client-'));
    execFileSync(process.execPath, [join(root, 'build.mjs'), '--types'], { stdio: 'pipe' });
    execFileSync(process.execPath, [join(root, 'pack-client.mjs'), folder], { stdio: 'pipe' });
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
    installed = join(folder, 'node_modules/stowken-client');
    mkdirSync(installed, { recursive: true });
    const tarball = join(folder, `stowken-client-${version}.tgz`);
    execFileSync('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1']);
    manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as Manifest;
    for (const name of Object.keys(manifest.dependencies)) {
      mkdirSync(dirname(join(folder, 'node_modules', name)), { recursive: true });
      symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
    }
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('depends on gRPC alone, and imports nothing else', () => {
    const names = Object.keys(manifest.dependencies);
    expect(names).toEqual(['@grpc/grpc-js', '@grpc/proto-loader']);
    const files = readdirSync(installed, { recursive: true, encoding: 'utf8' });
    const scripts = files.filter((file) => /\.(js|d\.ts)$/.test(file));
    expect(scripts).toContain('src/client/index.js');
    expect(scripts).toContain('src/client/index.d.ts');
    const wrong = scripts.flatMap((file) => {
      const { importedFiles } = ts.preProcessFile(readFileSync(join(installed, file), 'utf8'), true, true);
      return importedFiles
        .map(({ fileName }) => fileName)
        .filter((target) =>
          target.startsWith('.')
            ? !existsSync(join(installed, dirname(file), target))
            : !target.startsWith('node:') && !names.includes(target),
        )
        .map((target) => `${file} imports ${target}`);
    });
    expect(wrong).toEqual([]);
  });

  it('stores a conversation, and reads it back', async () => {
    const script = join(folder, 'client.mjs');
    writeFileSync(
      script,
      `import { connect } from 'stowken-client';
       const client = connect({ server: process.argv[2] });
       await client.store({ conversation: { id: 'a' }, messages: [{ role: 'user', tokens: [1, 2, 70000] }] });
       const { conversation } = await client.get('a');
       const tokens = [];
       for await (const part of client.read('a', { encoding: 'tokens' }))
         if (part.kind === 'message') tokens.push(...part.content);
       console.log(JSON.stringify({ revision: conversation.revision, tokens }));
       client.close();`,
    );
    const server = await startStowken('--data', join(folder, 'vault'));
    try {
      const output = execFileSync(process.execPath, [script, server.address], {
        cwd: folder,
        encoding: 'utf8',
      });
      expect(JSON.parse(output)).toEqual({ revision: 1, tokens: [1, 2, 70000] });
    } finally {
      await server.kill('SIGTERM');
    }
  });
});
