import { isIP } from 'node:net';

/**
 * True if a host, which may be in brackets, is this machine's own address, which no other machine reaches.
 */
export function isLoopbackHost(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  return bare === 'localhost' || bare === '::1' || (isIP(bare) === 4 && bare.startsWith('127.'));
}
