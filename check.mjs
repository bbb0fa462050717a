// Checks types, style and format of all sources, as many checks at once as there are processors. Prints what
// a check says when it has ended, and fails if one of them does.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);
/** The longest first, so that none is left alone at the end. */
const checks = {
  style: [program('eslint', 'bin/eslint.js'), '.'],
  types: [program('typescript', 'bin/tsc'), '-p', 'tsconfig.json'],
  format: [program('prettier', 'bin/prettier.cjs'), '--check', '.'],
  'types of the page': [program('typescript', 'bin/tsc'), '-p', 'src/page/browser'],
  proto: [program('@bufbuild/buf', 'bin/buf'), 'lint'],
};

process.chdir(import.meta.dirname);
await run([process.execPath, 'build.mjs', '--types'], 'build');
if (process.exitCode) process.exit(); // Types of what is not built would all be missing.
const waiting = Object.entries(checks);
await Promise.all(Array.from({ length: availableParallelism() }, work));

async function work() {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const [name, args] = next;
    await run([process.execPath, ...args], name);
  }
}

/** Runs a command; resolves when it has ended. Its failure becomes the exit code of this process. */
async function run([file, ...args], name) {
  const started = performance.now();
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const output = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => output.push(bytes));
  const code = await new Promise((resolve) => child.once('close', resolve));
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stdout.write(`${code === 0 ? 'passed' : 'FAILED'}: ${name}, ${seconds} s\n`);
  process.stdout.write(Buffer.concat(output));
  if (code !== 0) process.exitCode = 1;
}

function program(name, file) {
  return join(dirname(require.resolve(`${name}/package.json`)), file);
}
