import type { Command } from 'commander';
import type { Logger } from 'pino';
import { isStowkenError } from '../../model/index.js';
import { StartRefused, type Context, type RunningServer } from '../context.js';
import { describeError } from '../errors.js';
import { exitCodes, type Done } from '../exit-codes.js';
import { createLogger } from '../serve/logger.js';
import { withSettings } from '../serve/flags.js';
import { readSettings, toServeOptions } from '../serve/settings.js';

const epilogue = `
A setting is taken from its option, then from an environment variable (--log-level: STOWKEN_LOG_LEVEL), then from a
key of the config file (log-level: warn), then from the default shown above. Prints "listening on ADDRESS" to standard
output when it is ready, then "metrics on ADDRESS" with --metrics, "page on URL" with --http; logs go to standard error as
JSON lines. SIGTERM or SIGINT: finishes the calls under way, flushes, exits 0; a second one exits at once.

Examples:
  stowken serve --data ./vault
  STOWKEN_STORAGE=memory stowken serve --listen 127.0.0.1:0
  stowken serve --config stowken.yaml           # see: stowken help config, stowken help doctor
  stowken serve --listen 0.0.0.0:7411 --tls-cert server.pem --tls-key server.key --token-file tokens.yaml`;

/** `stowken serve` */
export function addServe(program: Command, context: Context, done: Done): void {
  withSettings(program.command('serve').description('run a server'))
    .addHelpText('after', epilogue)
    .action(async (flags: Record<string, unknown>) => {
      await serve(flags, context);
      done(exitCodes.done);
    });
}

async function serve(flags: Record<string, unknown>, { startServer, io, output }: Context): Promise<void> {
  const chosen = readSettings(flags, io.env);
  const options = toServeOptions(chosen);
  const logger = createLogger(io, chosen['log-level']);
  // A signal during the start stops the server in good order afterwards. A second one ends the process.
  const stopped = stopSignal();
  const server = await startServer(options, logger).catch(refuse);
  await output.line(`listening on ${server.address}`);
  if (server.metricsAddress !== undefined) await output.line(`metrics on ${server.metricsAddress}`);
  if (server.httpAddress !== undefined) await output.line(`page on ${server.httpAddress}`);
  await drain(server, await stopped, logger);
}

/** Ends with an exit code of its own if a restart by a supervisor cannot help. */
function refuse(error: unknown): never {
  if (!isStowkenError(error, 'CORRUPT_STORE') && !isStowkenError(error, 'STORE_VERSION')) throw error;
  throw new StartRefused(describeError(error), { cause: error });
}

async function drain(server: RunningServer, signal: NodeJS.Signals, logger: Logger): Promise<void> {
  logger.info({ signal }, 'stopping');
  const impatient = () => process.exit(exitCodes.failed);
  process.once('SIGTERM', impatient).once('SIGINT', impatient);
  await server.stop();
  process.off('SIGTERM', impatient).off('SIGINT', impatient);
  logger.info('stopped');
}

function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const stop = (signal: NodeJS.Signals) => {
      process.off('SIGTERM', stop).off('SIGINT', stop);
      resolve(signal);
    };
    process.on('SIGTERM', stop).on('SIGINT', stop);
  });
}
