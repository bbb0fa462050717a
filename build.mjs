// Builds everything into build/: both WASM cores, the descriptors that reflection serves, then the compiled TypeScript.
import { execFileSync } from 'node:child_process';
import { chmodSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);
const bin = (pkg, file) => join(dirname(require.resolve(`${pkg}/package.json`)), file);
const run = (script, ...args) => execFileSync(process.execPath, [script, ...args], { stdio: 'inherit' });

for (const folder of ['src', 'bench']) rmSync(join('build', folder), { recursive: true, force: true });
const asc = bin('assemblyscript', 'bin/asc.js');
run(asc, '--config', 'asconfig.json', '--target', 'release');
run(asc, '--config', 'asconfig.json', '--target', 'debug');
const healthProto = join(dirname(require.resolve('grpc-health-check/package.json')), 'proto');
for (const [proto, file] of [
  ['proto', 'contract.binpb'],
  [healthProto, 'health.binpb'],
]) {
  const output = ['--as-file-descriptor-set', '--exclude-source-info', '-o', join('build', file)];
  run(bin('@bufbuild/buf', 'bin/buf'), 'build', proto, ...output);
}
run(bin('typescript', 'bin/tsc'), '-p', 'tsconfig.json');
chmodSync('build/src/main.js', 0o755);
