#!/usr/bin/env -S node --enable-source-maps
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { runCli } from './cli/index.js';

const packageFile = createRequire(import.meta.url).resolve('#package.json');
const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string };

/** Commands that only call a server start much faster without it. */
const local = () => import('./local.js');

const exitCode = await runCli({
  startServer: async (options, logger) => (await local()).startServer(options, logger, version),
  restoreVault: async (input) => (await local()).restoreVault(input),
  salvageVault: async (input) => (await local()).salvageVault(input),
  migrateStorage: async (input) => (await local()).migrateStorage(input),
  copyVault: async (input) => (await local()).copyVault(input),
  inspectVault: async (folder) => (await local()).inspectVault(folder),
  diagnose: async function* (options) {
    yield* (await local()).diagnoseServer(options);
  },
  version,
});
process.exitCode = exitCode;
// A signal ended the command: open resources are not waited for.
if (exitCode > 128) process.exit();
