import type { Command } from 'commander';
import { ClientError, type HealthState } from '../../client/index.js';
import type { Context } from '../context.js';
import { type ServerOption, withClient, withServer } from '../connection/index.js';
import { type Done, exitCodes } from '../exit-codes.js';

interface Options extends ServerOption {
  readonly json?: true;
}

const epilogue = `
Without --vault, the answer is of the server as a whole: it serves while some vault takes changes. With --vault it is of
one vault; a vault that was not needed since the server started is not open, and counts as healthy.

Exit codes: 0 it serves, 1 it does not, or no server answers.`;

/** gRPC's code for a name that the health service does not know. */
const NOT_FOUND = 5;

const words: Readonly<Record<HealthState, string>> = {
  serving: 'serving',
  notServing: 'not serving',
  unknown: 'not open',
};

/**
 * Text of `unknown` for a person: the health service, which asks for no token, does not tell the two apart.
 */
const unknownVault = 'not open (or there is no vault of this name: see stowken vault list)';

/** `stowken health` */
export function addHealth(program: Command, context: Context, done: Done): void {
  withServer(program.command('health'))
    .description('ask whether a server, or one of its vaults, takes calls')
    .option('--json', 'one JSON object')
    .addHelpText('after', epilogue)
    .action(async (options: Options) => {
      const vault = options.vault ?? (context.io.env['STOWKEN_VAULT'] || undefined);
      const state = await withClient(options, context, (client) =>
        client.health(vault === undefined ? {} : { vault }).catch(notOpen),
      );
      if (options.json)
        await context.output.json({ ...(vault !== undefined && { vault }), state: words[state] });
      else await context.output.line(state === 'unknown' ? unknownVault : words[state]);
      done(state === 'notServing' ? exitCodes.failed : exitCodes.done);
    });
}

function notOpen(error: unknown): HealthState {
  if (error instanceof ClientError && Number(error.code) === NOT_FOUND) return 'unknown';
  throw error;
}
