// Builds everything into build/: both WASM cores, the registry that comes with the program, the descriptors that
// reflection serves, then the compiled TypeScript. Does nothing when build/ is up to date: `npx stowken` asks for a build, also while a server runs
// from it.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const folders = ['assembly', 'proto', 'registry-0', 'src', 'bench'];
const files = ['build.mjs', 'asconfig.json', 'tsconfig.json', 'package.json', 'package-lock.json'];
const stampFile = 'build/.inputs';

const stamp = hashOfInputs();
if (stamp !== lastStamp()) {
  build();
  writeFileSync(stampFile, stamp);
}

function build() {
  for (const output of [stampFile, 'build/src', 'build/bench'])
    rmSync(output, { recursive: true, force: true });
  mkdirSync('build', { recursive: true });
  const asc = bin('assemblyscript', 'bin/asc.js');
  run(asc, '--config', 'asconfig.json', '--target', 'release');
  run(asc, '--config', 'asconfig.json', '--target', 'debug');
  copyFileSync('registry-0/registry.bin', 'build/registry-0.bin');
  describe('proto', 'contract.binpb');
  describe(bin('grpc-health-check', 'proto'), 'health.binpb');
  run(bin('typescript', 'bin/tsc'), '-p', 'tsconfig.json');
  chmodSync('build/src/main.js', 0o755);
}

/** Writes the descriptors of a folder of proto files, with those of their imports. */
function describe(protoFolder, output) {
  const options = ['--as-file-descriptor-set', '--exclude-source-info', '-o', join('build', output)];
  run(bin('@bufbuild/buf', 'bin/buf'), 'build', protoFolder, ...options);
}

function bin(name, file) {
  return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), file);
}

function run(script, ...args) {
  execFileSync(process.execPath, [script, ...args], { stdio: 'inherit' });
}

function hashOfInputs() {
  const inFolders = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
      .sort(),
  );
  const hash = createHash('sha256');
  for (const file of [...files, ...inFolders])
    hash.update(`${file}\0`).update(readFileSync(file)).update('\0');
  return hash.digest('hex');
}

function lastStamp() {
  try {
    return readFileSync(stampFile, 'utf8');
  } catch {
    return undefined; // never built
  }
}
