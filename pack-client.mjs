// Packs the client as a package of its own, for those who need no server: stowken-client-VERSION.tgz, in the
// folder that is given, or in build/client-package. The build with its declarations comes first:
// `npm run pack:client` does both.
//
// It is no npm workspace: the command of the server is built on the client, and both on src/model. They would
// be three packages with versions of each other, and the server's tarball would need the other two to be
// published first. Made of the same build, they cannot differ.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const target = resolve(process.argv[2] ?? join(import.meta.dirname, 'build/client-package'));
const contents = join(target, 'package');
/** Packages that src/client and src/model import. */
const dependencies = ['@grpc/grpc-js', '@grpc/proto-loader'];

process.chdir(import.meta.dirname);
rmSync(contents, { recursive: true, force: true });
mkdirSync(contents, { recursive: true });
for (const folder of ['src/client', 'src/model']) copyCompiled(folder);
cpSync('proto', join(contents, 'proto'), { recursive: true });
cpSync('LICENSE', join(contents, 'LICENSE'));
cpSync('src/client/README.md', join(contents, 'README.md'));
writeFileSync(join(contents, 'package.json'), `${JSON.stringify(manifest(), null, 2)}\n`);
execFileSync('npm', ['pack', '--silent', '--pack-destination', target], { cwd: contents, stdio: 'inherit' });

/** Copies scripts and declarations. Source maps stay behind, as the sources do. */
function copyCompiled(folder) {
  const files = readdirSync(join('build', folder), { recursive: true, encoding: 'utf8' });
  for (const file of files.filter((name) => /\.(js|d\.ts)$/.test(name))) {
    const path = join(folder, file);
    const text = readFileSync(join('build', path), 'utf8').replace(/^\/\/# sourceMappingURL=.*\n?/m, '');
    mkdirSync(join(contents, path, '..'), { recursive: true });
    writeFileSync(join(contents, path), text);
  }
}

function manifest() {
  const own = JSON.parse(readFileSync('package.json', 'utf8'));
  return {
    name: 'stowken-client',
    version: own.version,
    description: 'The client of stowken-server, which stores LLM token sequences.',
    license: own.license,
    type: own.type,
    engines: own.engines,
    exports: {
      '.': { types: './src/client/index.d.ts', default: './src/client/index.js' },
      './proto/*': './proto/*',
      './package.json': './package.json',
    },
    imports: { '#proto/*': './proto/*' },
    dependencies: Object.fromEntries(dependencies.map((name) => [name, own.dependencies[name]])),
  };
}
