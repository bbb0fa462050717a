import { type Command, InvalidArgumentError, Option } from 'commander';
import { defaultPort } from '../../client/index.js';
import { address, filled } from '../options.js';

/** Options of every command that connects to a server. What is absent comes from elsewhere: see resolve. */
export interface ServerOption {
  readonly server?: string;
  readonly vault?: string;
  readonly tls?: true;
  readonly tlsCa?: string;
  readonly tlsServerName?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly token?: string;
  readonly tokenFile?: string;
}

export const defaultServer = `127.0.0.1:${defaultPort}`;

/** Adds the option of commands that work in one vault. */
export function withVault(command: Command): Command {
  return command.option('--vault <name>', 'the vault; else $STOWKEN_VAULT, else the default one', filled);
}

/** Adds the options that say which server a command connects to, and how. */
export function withServer(command: Command): Command {
  const server =
    `the server: HOST, HOST:PORT (port ${defaultPort} when none is named) or unix:/path; ` +
    `else $STOWKEN_SERVER, else the profile's, else ${defaultServer}`;
  return withVault(command)
    .addOption(new Option('--server <address>', server).argParser(address()))
    .option('--tls', 'connect with TLS, and trust the authorities that the system trusts')
    .option(
      '--tls-ca <file>',
      'connect with TLS, and trust these authorities (PEM); else $STOWKEN_TLS_CA',
      filled,
    )
    .option(
      '--tls-server-name <name>',
      "name in the server's certificate, if it is not the address's; else $STOWKEN_TLS_SERVER_NAME",
      filled,
    )
    .option('--cert <file>', "this client's certificate (PEM); else $STOWKEN_CERT", filled)
    .option('--key <file>', 'its private key (PEM); else $STOWKEN_KEY', filled)
    .option('--token-file <file>', 'a file that has the token, and nothing else', filled)
    .option(
      '--token <token>',
      'the token; others may see it: better --token-file, or $STOWKEN_TOKEN',
      secret,
    );
}

/** Takes a secret from the command line, and hides the command line from other users of the machine. */
function secret(text: string): string {
  process.title = 'stowken';
  if (/^[\x21-\x7e]+$/.test(text)) return text;
  throw new InvalidArgumentError('It has characters that no token has, or none.');
}
