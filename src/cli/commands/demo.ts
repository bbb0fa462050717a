import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { wholeNumber } from '../options.js';
import { commandName } from '../command-name.js';
import type { Context } from '../context.js';
import { Report } from '../demo/check.js';
import { runDemo } from '../demo/run.js';
import { createLogger } from '../serve/logger.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { readSettings, toServeOptions } from '../serve/settings.js';

const epilogue = `
Example:
  stowken demo --seed 7      # other conversations`;

/** `stowken demo` */
export function addDemo(program: Command, context: Context, done: Done): void {
  program
    .command('demo')
    .description('run a server in a temporary folder, store made-up conversations, check every token')
    .option('--seed <n>', 'seed of the generated conversations', wholeNumber(0, 2 ** 32 - 1), 1)
    .addHelpText('after', epilogue)
    .action(async ({ seed }: { seed: number }) => {
      await demo(seed, context);
      done(exitCodes.done);
    });
}

async function demo(seed: number, { startServer, io, output, interruption }: Context): Promise<void> {
  const report = Report.on(output, io);
  interruption.onInterrupt(() => 'the server is stopped, and its folder removed');
  const dataDir = await mkdtemp(join(tmpdir(), 'stowken-demo-'));
  try {
    const logger = createLogger(io, 'error');
    const server = await startServer(
      toServeOptions(
        readSettings({ data: dataDir, listen: '127.0.0.1:0', logLevel: 'silent', drainTimeout: 5 }, {}),
      ),
      logger,
    );
    try {
      await report.title('stowken demo');
      await report.step(
        'server',
        `${server.address}, LMDB in ${dataDir}, every store on disk before its answer`,
      );
      await runDemo(server.address, seed, report, interruption.signal);
    } finally {
      await server.stop();
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
  const command = commandName();
  await report.commands([
    `${command} serve --data ./vault`,
    `${command} import FILE.jsonl.gz`,
    `${command} stats`,
  ]);
}
