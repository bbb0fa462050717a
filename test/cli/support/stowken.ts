import { Readable, Writable } from 'node:stream';
import { vaultFolder } from '../../../src/vaults/index.js';
import { runCli, type CliDependencies } from '../../../src/cli/index.js';
import { diagnose } from '../../../src/doctor/index.js';
import { createLiveCodec } from '../../../src/codec/index.js';
import { loadCore } from '../../../src/core/index.js';
import { copyVault } from '../../../src/local.js';
import {
  inspectVault,
  isComplete,
  migratePostgres,
  restoreLmdb,
  salvageLmdb,
} from '../../../src/storage/index.js';
import { startServer } from './start-server.js';

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliInput {
  readonly stdin?: string | Buffer;
  readonly env?: Readonly<Record<string, string>>;
  readonly startServer?: CliDependencies['startServer'];
}

/** Dependencies of the command. */
export const dependencies: Omit<CliDependencies, 'io'> = {
  startServer,
  migrateStorage: (input) => migratePostgres(input),
  salvageVault: async (input) => {
    const core = await loadCore();
    const codec = () => createLiveCodec(core);
    const report = await salvageLmdb({ ...input, codec, nowMs: Date.now() });
    return { ...report, complete: isComplete(report) };
  },
  inspectVault,
  copyVault,
  diagnose: (options) =>
    diagnose(options, { memoryBytes: 2 ** 32, nowMs: Date.now(), tryStorage: async () => undefined }),
  restoreVault: async ({ data, vault, ...input }) =>
    restoreLmdb({ ...input, folder: vaultFolder(data, vault), codec: createLiveCodec(await loadCore()) }),
  version: '1.2.3',
};

/** Runs the command in this process, away from a terminal. */
export async function stowken(
  args: readonly string[],
  { stdin = '', env = {}, startServer = dependencies.startServer }: CliInput = {},
): Promise<CliResult> {
  const stdout = new Collector();
  const stderr = new Collector();
  // No line of progress is printed in between, however slow the machine is.
  const progressEveryMs = 2 ** 31 - 1;
  const io = { stdin: Readable.from([Buffer.from(stdin)]), stdout, stderr, env, progressEveryMs };
  const code = await runCli({ ...dependencies, startServer, io }, args);
  return { code, stdout: stdout.text, stderr: stderr.text };
}

/** Runs the command with the server's address in the environment. */
export function stowkenAt(
  server: string,
): (args: readonly string[], stdin?: string | Buffer) => Promise<CliResult> {
  return (args, stdin) =>
    stowken(args, { env: { STOWKEN_SERVER: server }, ...(stdin !== undefined && { stdin }) });
}

class Collector extends Writable {
  private readonly chunks: Buffer[] = [];

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.chunks.push(chunk);
    done();
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }
}

export function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
