import { Option, type Command } from 'commander';
import { connect, isUnreachable, type StowkenClient } from '../client/index.js';
import { address } from './arguments.js';
import { CommandFailure, UsageError, type Context } from './context.js';

export const defaultServer = '127.0.0.1:7411';

export interface ServerOption {
  readonly server: string;
}

/** Adds --server to a command that talks to one. */
export function withServer(command: Command, { io }: Context): Command {
  const option = new Option('--server <address>', 'the server: HOST:PORT; else $STOWKEN_SERVER');
  return command.addOption(option.argParser(address).default(serverOfEnvironment(io.env), defaultServer));
}

function serverOfEnvironment(env: Context['io']['env']): string {
  return env['STOWKEN_SERVER'] || defaultServer;
}

/** Runs with a connection, and ends it. */
export async function withClient<T>(
  { server }: ServerOption,
  run: (client: StowkenClient) => Promise<T>,
): Promise<T> {
  checkAddress(server);
  const client = connect({ server });
  try {
    return await run(client);
  } catch (error) {
    if (!isUnreachable(error) || error.reason !== undefined) throw error;
    throw new CommandFailure(`no server answers at ${server}: ${error.message}`);
  } finally {
    client.close();
  }
}

/** A default is not parsed by commander, and the environment's is as good as any other. */
function checkAddress(server: string): void {
  try {
    address(server);
  } catch {
    throw new UsageError(`the server's address is ${JSON.stringify(server)}, not HOST:PORT or unix:/path`);
  }
}
