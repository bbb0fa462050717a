import type { Command } from 'commander';
import { type HealthState, isClientError, type StowkenClient } from '../../client/index.js';
import type { Context } from '../context.js';
import { type ServerOption, withClient, withServer } from '../connection/index.js';
import { type Done, exitCodes } from '../exit-codes.js';

interface Options extends ServerOption {
  readonly json?: true;
}

const epilogue = `
Without --vault, the answer is of the server as a whole: it serves while some vault takes changes. With --vault it is of
one vault; a vault that was not needed since the server started is not open, and counts as healthy.
A vault that does not exist does not serve.

Examples:
  stowken health --server db1:7411
  stowken health --vault team-a --json

Exit codes: 0 it serves, 1 it does not, or no server answers.`;

/** gRPC's code for a name that the health service does not know. */
const NOT_FOUND = 5;

type State = HealthState | 'closed' | 'absent';

const words: Readonly<Record<State, string>> = {
  serving: 'serving',
  notServing: 'not serving',
  unknown: 'not open',
  closed: 'not open',
  absent: 'no such vault',
};

/** Text of `unknown` for a person without a token that lets him ask whether there is such a vault. */
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
        client.health(vault === undefined ? {} : { vault }).catch(notOpen(client, vault)),
      );
      if (options.json)
        await context.output.json({ ...(vault !== undefined && { vault }), state: words[state] });
      else await context.output.line(state === 'unknown' ? unknownVault : words[state]);
      done(state === 'notServing' || state === 'absent' ? exitCodes.failed : exitCodes.done);
    });
}

/** Asks what the health service, which asks for no token, does not tell: whether there is such a vault. */
function notOpen(client: StowkenClient, vault: string | undefined) {
  return async (error: unknown): Promise<State> => {
    if (!isClientError(error) || Number(error.code) !== NOT_FOUND || vault === undefined) throw error;
    try {
      await client.admin.getVault(vault);
      return 'closed';
    } catch (refusal) {
      if (isClientError(refusal, 'VAULT_NOT_FOUND') || isClientError(refusal, 'INVALID_FIELD'))
        return 'absent';
      return 'unknown';
    }
  };
}
