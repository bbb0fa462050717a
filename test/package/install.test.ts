import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/**
 * The package as npm packs it, installed into an empty folder as its users do, without any network. A
 * registry on a loopback port has the packages that are in node_modules, and nothing else.
 */

const root = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

interface LockEntry {
  readonly version: string;
  readonly dev?: true;
  readonly devOptional?: true;
  readonly hasInstallScript?: true;
}

const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
  readonly packages: Readonly<Record<string, LockEntry>>;
};
/** Folders of the packages that the server needs, without those for other systems. */
const needed = Object.entries(lock.packages)
  .filter(([path, { dev, devOptional }]) => path !== '' && !dev && !devOptional)
  .map(([path]) => path)
  .filter((path) => existsSync(join(root, path)));
const nameOf = (path: string) => path.replace(/^.*node_modules\//, '');

/** Packs the folder of an installed package as the registry has it. */
function tarballOf(path: string): Buffer {
  const args = [
    '-cz',
    '--exclude=./node_modules',
    '--transform=s,^\\.,package,',
    '-C',
    join(root, path),
    '.',
  ];
  return execFileSync('tar', args, { maxBuffer: 2 ** 30 });
}

class Registry {
  readonly asked: string[] = [];
  readonly #tarballs = new Map<string, Buffer>();
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      const path = decodeURIComponent(request.url!).slice(1);
      this.asked.push(path);
      const content = path.startsWith('tarballs/') ? this.#tarball(path) : this.#packument(path);
      response.statusCode = content === undefined ? 404 : 200;
      response.end(content ?? '{}');
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((done) => void this.#server.listen(0, '127.0.0.1', done));
    return this.#address;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  get #address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  #tarball(request: string): Buffer | undefined {
    const path = request.slice('tarballs/'.length).replace(/\.tgz$/, '');
    if (!needed.includes(path)) return undefined;
    const made = this.#tarballs.get(path) ?? tarballOf(path);
    this.#tarballs.set(path, made);
    return made;
  }

  #packument(name: string): string | undefined {
    const paths = needed.filter((path) => nameOf(path) === name);
    if (paths.length === 0) return undefined;
    const versions = paths.map((path) => {
      const manifest = JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8')) as object;
      const { version, hasInstallScript } = lock.packages[path]!;
      const tarball = `${this.#address}tarballs/${encodeURIComponent(path)}.tgz`;
      const shasum = createHash('sha1')
        .update(this.#tarball(`tarballs/${path}.tgz`)!)
        .digest('hex');
      return [version, { ...manifest, hasInstallScript, dist: { tarball, shasum } }] as const;
    });
    const newest = versions.at(-1)![0];
    return JSON.stringify({ name, versions: Object.fromEntries(versions), 'dist-tags': { latest: newest } });
  }
}

describe('the package, installed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'stowken-install-'));
  const target = join(folder, 'app');
  const registry = new Registry();
  /** Environment of somebody who has Node and nothing else; npm of this test's own run sets variables too. */
  const env = { PATH: process.env['PATH'], HOME: folder, npm_config_cache: join(folder, 'cache') };

  beforeAll(async () => {
    execFileSync(process.execPath, [join(root, 'provenance.mjs')]);
    mkdirSync(target);
    const { stdout } = await run(
      'npm',
      ['pack', '--ignore-scripts', '--json', '--pack-destination', folder],
      {
        cwd: root,
        env,
      },
    );
    const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
    const address = await registry.listen();
    const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--registry', address];
    await run('npm', ['install', ...flags, join(folder, filename)], { cwd: target, env });
  });
  afterAll(() => {
    registry.close();
    rmSync(folder, { recursive: true });
  });

  const installed = (...path: string[]) => join(target, 'node_modules/stowken-server', ...path);

  it('runs no script of ours', () => {
    const { scripts } = JSON.parse(readFileSync(installed('package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    for (const name of ['preinstall', 'install', 'postinstall']) expect(scripts[name]).toBeUndefined();
  });

  it('serves, stores and reads, without a compiler and without a network', async () => {
    registry.close();
    const { stdout } = await run('npx', ['--offline', 'stowken', 'demo'], { cwd: target, env });
    expect(stdout).toMatch(/every one of [\d,]+ tokens/);
  });

  it('has a list of all packages that came with it, and their licences', () => {
    const { components } = JSON.parse(readFileSync(installed('build/sbom.cdx.json'), 'utf8')) as {
      components: { name: string; version: string; licenses: [{ license: { id: string } }] }[];
    };
    const listed = new Set(components.map(({ name, version }) => `${name}@${version}`));
    const came = JSON.parse(
      readFileSync(join(target, 'node_modules/.package-lock.json'), 'utf8'),
    ) as typeof lock;
    const others = Object.entries(came.packages).filter(([path]) => nameOf(path) !== 'stowken-server');
    expect(others.length).toBeGreaterThan(40);
    const unlisted = others
      .map(([path, { version }]) => `${nameOf(path)}@${version}`)
      .filter((name) => !listed.has(name));
    expect(unlisted).toEqual([]);
    const free = ['MIT', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD'];
    const licences = components.map(({ name, licenses: [{ license }] }) => `${name}: ${license?.id}`);
    expect(licences.filter((text) => !free.includes(text.split(': ')[1]!))).toEqual([]);
    const texts = readFileSync(installed('build/THIRD-PARTY-LICENSES.txt'), 'utf8');
    for (const { name, version } of components) expect(texts).toContain(`${name} ${version}\n`);
    expect(texts).toContain('Permission is hereby granted, free of charge');
  });
});
