// Builds into build/, in parts. Each part is made again only when what it is made of has changed:
//
// - core: the WASM cores for tokens and for text, each in two builds, of assembly/
// - registry: the registry that comes with the program
// - descriptors: the descriptors that reflection serves, of proto/
// - messages: TypeScript types of the messages of proto/, in src/*/generated (see generate.mjs)
// - scripts: JavaScript with source maps, of src/ and of the folders given as arguments (bench, test).
//   Each file is compiled by itself, without a look at types, so that an edit costs one file.
// - programs: the command, and what it starts as processes and threads, of src/: each is one file that shares
//   chunks with the others. A server starts in three quarters of the time that a module a file takes.
// - page: the page of serve --http, one file of src/page/browser and the packages that it stands on
// - tokenizers: the vocabularies that come with the program, of tokenizers/
// - types: the declarations of the client, by the whole compiler: made if there are none, and with --types.
//
// Does nothing when build/ is up to date: `npx stowken` asks for a build, also while a server runs from it.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);
const stamps = 'build/.stamps';
/** Inputs of every part: an edit of these rebuilds all of them. */
const tools = ['build.mjs', 'generate.mjs', 'package-lock.json'];
/** Sources of the page, which run in a browser. */
const pageFolder = join('src', 'page', 'browser');
/** Programs and threads, by their place in src/ and in build/programs/. */
const programs = [
  'main',
  'workers/worker',
  'codec/trainer-worker',
  'codec/rewrite-worker',
  'text/worker',
  'text/chat/render-worker',
  'vault/search/worker',
];
const wantsTypes = process.argv.includes('--types');
const folders = ['src', ...process.argv.slice(2).filter((argument) => !argument.startsWith('--'))];

process.chdir(import.meta.dirname);
rmSync('build/.inputs', { force: true }); // The single stamp of former builds.
mkdirSync(stamps, { recursive: true });

await part('core', [...filesIn('assembly'), 'asconfig.json'], async () => {
  const asc = bin('assemblyscript', 'bin/asc.js');
  for (const target of ['release', 'debug']) {
    for (const [entry, name] of [
      ['assembly/index.ts', 'core'],
      ['assembly/text/index.ts', 'text'],
    ]) {
      const output = ['--outFile', `build/${name}.${target}.wasm`];
      run(asc, entry, '--config', 'asconfig.json', '--target', target, ...output);
    }
  }
  await inline('build/text.release.wasm');
});
await part('registry', ['registry-0/registry.bin'], () =>
  copyFileSync('registry-0/registry.bin', 'build/registry-0.bin'),
);
await part('descriptors', filesIn('proto'), () => {
  describe('proto', 'contract.binpb');
  describe(bin('grpc-health-check', 'proto'), 'health.binpb');
});
await part('messages', filesIn('proto'), async () => {
  const { writeMessageTypes } = await import('./generate.mjs');
  await writeMessageTypes();
});
buildScripts();
await part('programs', scriptsOf('src'), bundlePrograms);
await part('page', filesIn(pageFolder), bundlePage);
await part('tokenizers', [...filesIn('tokenizers'), 'src/text/vocabulary.ts'], async () => {
  const { encodings, tokensOf } = await import('./tokenizers/openai.mjs');
  const { vocabularyOf, writeVocabulary } = await import('./build/src/text/vocabulary.js');
  mkdirSync('build/tokenizers', { recursive: true });
  for (const [name, encoding] of Object.entries(encodings)) {
    const rules = { pattern: encoding.pattern, digits: 3, special: Object.values(encoding.special) };
    const vocabulary = vocabularyOf(await tokensOf(encoding), rules);
    writeFileSync(`build/tokenizers/${name}.vocabulary`, writeVocabulary(vocabulary));
  }
  for (const file of ['classes.bin', 'normalized.bin'])
    copyFileSync(`tokenizers/${file}`, `build/tokenizers/${file}`);
});
const typeInputs = [
  ...filesIn('src/client'),
  ...filesIn('src/model'),
  'tsconfig.json',
  'tsconfig.types.json',
];
if (!existsSync('build/src/client/index.d.ts')) rmSync(join(stamps, 'types'), { force: true });
else if (!wantsTypes) typeInputs.length = 0;
if (typeInputs.length > 0) {
  await part('types', typeInputs, () => {
    run(bin('typescript', 'bin/tsc'), '-p', 'tsconfig.types.json');
  });
}

/** Builds a part, unless its inputs are unchanged. A part that fails is built again next time. */
async function part(name, inputs, make) {
  const stamp = join(stamps, name);
  const hash = hashOf([...tools, ...inputs]);
  if (readIfThere(stamp) === hash) return;
  rmSync(stamp, { force: true });
  await make();
  writeFileSync(stamp, hash);
}

/** Compiles the files that changed, and removes the outputs of deleted files. */
function buildScripts() {
  const stamp = join(stamps, 'scripts');
  const hash = hashOf([...tools, 'tsconfig.json']);
  const last = JSON.parse(readIfThere(stamp) ?? '{}');
  const known = last.hash === hash ? last.files : {};
  const sources = folders.flatMap(scriptsOf);
  removeOrphans(new Set(sources));
  const files = { ...known };
  let changed = 0;
  for (const file of sources) {
    const content = readFileSync(file, 'utf8');
    const fileHash = createHash('sha256').update(content).digest('hex');
    if (known[file] === fileHash && existsSync(outputOf(file))) continue;
    compile(file, content);
    files[file] = fileHash;
    changed += 1;
  }
  if (changed > 0 || last.hash !== hash) replace(stamp, JSON.stringify({ hash, files }));
}

/**
 * Inlines larger functions than the compiler does by itself: a piece of text is a handful of small steps, and
 * encoding is a third to a half faster with them in one place.
 */
async function inline(file) {
  const path = createRequire(require.resolve('assemblyscript/package.json')).resolve('binaryen');
  const { default: binaryen } = await import(path);
  binaryen.setOptimizeLevel(3);
  binaryen.setShrinkLevel(0);
  binaryen.setAlwaysInlineMaxSize(60);
  binaryen.setFlexibleInlineMaxSize(200);
  binaryen.setOneCallerInlineMaxSize(400);
  const module = binaryen.readBinary(readFileSync(file));
  module.setFeatures(binaryen.Features.All);
  module.runPasses(['inlining-optimizing']);
  module.optimize();
  writeFileSync(file, module.emitBinary());
}

/**
 * Bundles the programs. Packages stay outside, but for zod: most of its hundred modules are messages in other
 * languages. Chunks of the build before are removed when the new ones are there.
 */
async function bundlePrograms() {
  const { build } = await import('rolldown');
  const folder = join('build', 'programs');
  const before = filesIn(folder);
  const { output } = await build({
    input: Object.fromEntries(programs.map((name) => [name, join('src', `${name}.ts`)])),
    platform: 'node',
    external: (id) => !/^(\.|\/|zod($|\/))/.test(id),
    output: { format: 'esm', sourcemap: true, chunkFileNames: 'chunks/[name]-[hash].js' },
    logLevel: 'warn',
    write: false,
  });
  const written = new Set();
  // Chunks come before the programs that name them.
  const inOrder = [...output.filter((file) => !file.isEntry), ...output.filter((file) => file.isEntry)];
  for (const { fileName, code, source } of inOrder) {
    const file = join(folder, fileName);
    mkdirSync(dirname(file), { recursive: true });
    replace(file, code ?? source);
    written.add(file);
  }
  chmodSync(join(folder, 'main.js'), 0o755);
  for (const file of before) if (!written.has(file)) rmSync(file);
}

/** Bundles the page: its script and its styles are within its HTML. */
async function bundlePage() {
  const { build } = await import('rolldown');
  const { output } = await build({
    input: join(pageFolder, 'main.tsx'),
    platform: 'browser',
    tsconfig: join(pageFolder, 'tsconfig.json'),
    output: { format: 'iife', minify: true },
    logLevel: 'warn',
    write: false,
  });
  const style = ['base.css', 'views.css'].map((file) => readFileSync(join(pageFolder, file), 'utf8'));
  style.unshift(readFileSync(require.resolve('uplot/dist/uPlot.min.css'), 'utf8'));
  const parts = {
    // Neither may end its element.
    script: output[0].code.replaceAll('</script', '<\\/script'),
    style: style
      .join('\n')
      .replace(/\/\*.*?\*\//gs, '')
      .replace(/\s*\n\s*/g, '\n'),
  };
  const html = readFileSync(join(pageFolder, 'page.html'), 'utf8');
  const element = (_, name) => `<${name}>${parts[name].trim()}</${name}>`;
  replace('build/page.html', html.replace(/<!-- (script|style) -->/g, element));
}

function removeOrphans(sources) {
  for (const output of folders.flatMap((folder) => filesIn(join('build', folder)))) {
    const source = output.replace(/^build./, '').replace(/\.(js|js\.map|d\.ts)$/, '.ts');
    if (!sources.has(source)) rmSync(output);
  }
}

function compile(file, content) {
  const ts = require('typescript');
  const { compilerOptions } = ts.readConfigFile('tsconfig.json', ts.sys.readFile).config;
  const { outputText, sourceMapText, diagnostics } = ts.transpileModule(content, {
    fileName: file,
    reportDiagnostics: true,
    compilerOptions: {
      ...ts.convertCompilerOptionsFromJson(compilerOptions, '.').options,
      // The package's type, which the compiler does not look up for a single file.
      module: ts.ModuleKind.ESNext,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      declaration: false,
      emitDeclarationOnly: false,
      sourceMap: true,
      sourceRoot: '../'.repeat(file.split(/[\\/]/).length),
    },
  });
  if (diagnostics.length > 0) {
    const host = {
      getCurrentDirectory: () => '',
      getCanonicalFileName: (name) => name,
      getNewLine: () => '\n',
    };
    process.stderr.write(ts.formatDiagnosticsWithColorAndContext(diagnostics, host));
    process.exit(1);
  }
  mkdirSync(dirname(outputOf(file)), { recursive: true });
  replace(`${outputOf(file)}.map`, sourceMapText);
  replace(outputOf(file), outputText);
}

function outputOf(file) {
  return join('build', file.replace(/\.ts$/, '.js'));
}

/** Replaces a file atomically: a reader gets the old or the new one. */
function replace(file, content) {
  writeFileSync(`${file}.${process.pid}`, content);
  renameSync(`${file}.${process.pid}`, file);
}

/** Writes the descriptors of a folder of proto files, with those of their imports. */
function describe(protoFolder, output) {
  const options = ['--as-file-descriptor-set', '--exclude-source-info', '-o', join('build', output)];
  run(bin('@bufbuild/buf', 'bin/buf'), 'build', protoFolder, ...options);
}

function bin(name, file) {
  return join(dirname(require.resolve(`${name}/package.json`)), file);
}

function run(script, ...args) {
  execFileSync(process.execPath, [script, ...args], { stdio: 'inherit' });
}

/** Sources that become scripts: neither tests nor what runs in a browser. */
function scriptsOf(folder) {
  return filesIn(folder).filter((file) => /(?<!\.d|\.test)\.ts$/.test(file) && !file.startsWith(pageFolder));
}

function filesIn(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

function hashOf(files) {
  const hash = createHash('sha256');
  for (const file of files) hash.update(`${file}\0`).update(readFileSync(file)).update('\0');
  return hash.digest('hex');
}

function readIfThere(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined; // It was never built.
  }
}
