// Runs a server of the sources as they are: builds, serves, and does both again whenever a source changes.
// Arguments go to `stowken serve`. Without --data the vault is in a temporary folder.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, watch } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const watched = ['assembly', 'proto', 'src'];
/** Editors change several files, or one several times, at once. */
const SETTLE_MS = 100;

process.chdir(import.meta.dirname);
const flags = process.argv.slice(2);
const ownFolder = flags.some((flag) => /^--(data|storage)(=|$)/.test(flag))
  ? undefined
  : mkdtempSync(join(tmpdir(), 'stowken-dev-'));
if (ownFolder !== undefined) flags.push('--data', ownFolder);

let server;
let ending = false;
let settling;
/** Restarts follow one another: each serves the same folder. */
let restarting = restart();

for (const folder of watched)
  watch(folder, { recursive: true }, () => {
    clearTimeout(settling);
    settling = setTimeout(() => (restarting = restarting.then(restart)), SETTLE_MS);
  });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => void end());

/** Replaces the server by one of the sources as they are now. If the build fails, the old one goes on. */
async function restart() {
  if (ending) return;
  const { status } = spawnSync(process.execPath, ['build.mjs'], { stdio: 'inherit' });
  if (status !== 0) return say('not built: the server before the edit goes on');
  await stop();
  const started = spawn(
    process.execPath,
    ['--enable-source-maps', 'build/programs/main.js', 'serve', ...flags],
    {
      stdio: 'inherit',
      detached: true, // Ctrl-C in a terminal reaches this process only, which passes it on once
    },
  );
  server = started;
  started.once('exit', (code) => {
    if (server === started) say(`the server has ended with ${code}; it starts again after the next edit`);
  });
}

/** Stops the server; resolves when it has ended. */
async function stop() {
  const stopped = server;
  server = undefined;
  if (stopped === undefined || stopped.exitCode !== null || stopped.signalCode !== null) return;
  const ended = new Promise((resolve) => stopped.once('exit', resolve));
  stopped.kill('SIGTERM');
  await ended;
}

async function end() {
  if (ending) return;
  ending = true;
  await restarting;
  await stop();
  if (ownFolder !== undefined && existsSync(ownFolder)) rmSync(ownFolder, { recursive: true });
  process.exit();
}

function say(line) {
  process.stderr.write(`dev: ${line}\n`);
}
