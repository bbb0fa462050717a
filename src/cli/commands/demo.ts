import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import pino from 'pino';
import { wholeNumber } from '../arguments.js';
import type { Context } from '../context.js';
import { Report } from '../demo/report.js';
import { runDemo } from '../demo/run.js';
import { exitCodes, type Done } from '../exit-codes.js';
import { Output } from '../output.js';

/** `stowken demo` */
export function addDemo(program: Command, context: Context, done: Done): void {
  program
    .command('demo')
    .description('run a server in a temporary folder, store made-up conversations, check every token')
    .option('--seed <n>', 'other conversations', wholeNumber(0, 2 ** 32 - 1), 1)
    .action(async ({ seed }: { seed: number }) => {
      await demo(seed, context);
      done(exitCodes.done);
    });
}

async function demo(seed: number, { startServer, io }: Context): Promise<void> {
  const report = Report.on(new Output(io.stdout), io);
  const dataDir = await mkdtemp(join(tmpdir(), 'stowken-demo-'));
  try {
    const logger = pino({ level: 'error' }, io.stderr);
    const server = await startServer(
      {
        dataDir,
        listen: '127.0.0.1:0',
        storage: 'lmdb',
        durability: 'fsync',
        workers: 1,
        logLevel: 'silent',
        autoCompact: false,
        prefixIndex: true,
        drainTimeoutMs: 5_000,
      },
      logger,
    );
    try {
      await report.title('stowken demo');
      await report.step(
        'server',
        `${server.address}, LMDB in ${dataDir}, every store on disk before its answer`,
      );
      await runDemo(server.address, seed, report);
    } finally {
      await server.stop();
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
  await report.commands([
    'npx stowken serve --data ./vault',
    'npx stowken import FILE.jsonl.gz',
    'npx stowken stats',
  ]);
}
