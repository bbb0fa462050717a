import { Option, type Command } from 'commander';
import { connect, defaultPort, isUnreachable, parseAddress, type StowkenClient } from '../client/index.js';
import { address } from './arguments.js';
import { CommandFailure, UsageError, type Context } from './context.js';

export const defaultServer = `127.0.0.1:${defaultPort}`;

export interface ServerOption {
  readonly server: string;
}

/** Adds --server to a command that talks to one. */
export function withServer(command: Command, { io }: Context): Command {
  const option = new Option(
    '--server <address>',
    `the server: HOST, HOST:PORT (port ${defaultPort} when none is named) or unix:/path; else $STOWKEN_SERVER`,
  );
  return command.addOption(option.argParser(address()).default(serverOfEnvironment(io.env), defaultServer));
}

function serverOfEnvironment(env: Context['io']['env']): string {
  return env['STOWKEN_SERVER'] || defaultServer;
}

/** Runs with a connection, and ends it. An interruption ends its calls. */
export async function withClient<T>(
  { server }: ServerOption,
  { interruption: { signal } }: Pick<Context, 'interruption'>,
  run: (client: StowkenClient) => Promise<T>,
): Promise<T> {
  const client = connect({ server: checked(server), signal });
  try {
    return await run(client);
  } catch (error) {
    if (!isUnreachable(error) || error.reason !== undefined) throw error;
    throw new CommandFailure(`no server answers at ${server}: ${error.message}`);
  } finally {
    client.close();
  }
}

/** A default is not parsed by commander: it may come from the environment. */
function checked(server: string): string {
  try {
    return parseAddress(server);
  } catch (error) {
    throw new UsageError(`the server's address (STOWKEN_SERVER): ${(error as RangeError).message}`);
  }
}
