import { isIPv4, isIPv6 } from 'node:net';

export const defaultPort = 7411;

/** Limit of a unix socket's path in bytes, given by the kernel's address structure. */
const socketPathBytesMax = 107;

/** Description of an address's forms. */
const form = `HOST, HOST:PORT (port ${defaultPort} when none is named) or unix:/path`;

/**
 * Parses a server's address: HOST, HOST:PORT, [IPV6]:PORT or unix:/path. Returns it with its port.
 * @throws RangeError with a sentence that describes the fault
 */
export function parseAddress(text: string, { portMin = 1 }: { readonly portMin?: 0 | 1 } = {}): string {
  if (text.trim() === '') throw new RangeError(`it is empty; an address is ${form}`);
  if (/^unix:/i.test(text)) return unixAddress(text);
  const scheme = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(text);
  if (scheme) throw new RangeError(schemeRefused(scheme[1]!.toLowerCase(), scheme[2]!));
  const { host, port } = splitPort(text);
  if (!isHost(host)) throw new RangeError(`${JSON.stringify(text)} is not an address: an address is ${form}`);
  if (port === undefined) return `${host}:${defaultPort}`;
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535 || Number(port) < portMin) {
    throw new RangeError(`${JSON.stringify(port)} is not a port: ports are ${portMin} to 65535`);
  }
  return `${host}:${Number(port)}`;
}

function splitPort(text: string): { readonly host: string; readonly port: string | undefined } {
  if (isIPv6(text)) throw new RangeError(`an IPv6 address is written in brackets: [${text}]:${defaultPort}`);
  const cut = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/s.exec(text);
  return cut ? { host: cut[1]!, port: cut[2] } : { host: '', port: undefined };
}

function isHost(host: string): boolean {
  if (host.startsWith('[')) return host.endsWith(']') && isIPv6(host.slice(1, -1));
  // A host of digits and dots is an IPv4 address or invalid: systems read "1" and "127.1" in ways that nobody
  // means.
  if (/^[\d.]+$/.test(host)) return isIPv4(host);
  return host.length <= 253 && /^[\p{L}\p{N}_]([\p{L}\p{N}_.-]*[\p{L}\p{N}_])?\.?$/u.test(host);
}

function unixAddress(text: string): string {
  const path = text.slice('unix:'.length).replace(/^\/\/(?=\/)/, '');
  if (!path.startsWith('/') || path.includes('\0')) {
    throw new RangeError(`${JSON.stringify(text)} names no socket: it is unix:/path, with a whole path`);
  }
  const bytes = Buffer.byteLength(path);
  if (bytes > socketPathBytesMax) {
    throw new RangeError(
      `a socket's path has ${socketPathBytesMax} bytes at most, and this one has ${bytes}`,
    );
  }
  return `unix:${path}`;
}

function schemeRefused(scheme: string, rest: string): string {
  const plain = rest.replace(/\/.*$/s, '');
  const example = plain === '' ? `127.0.0.1:${defaultPort}` : plain;
  const withTls = ['https', 'grpcs'].includes(scheme) ? ', and an option for TLS beside it' : '';
  return `${scheme}:// does not belong to an address: write ${example}${withTls}`;
}
