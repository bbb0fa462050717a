import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { isLoopbackHost } from '../model/index.js';

/** Refusal of a request for the place that it was sent to, or that it comes from. */
export interface Refused {
  readonly status: number;
  readonly words: string;
}

/**
 * Refuses a request that a page of another site may have made in somebody's browser. There are two ways for
 * such a page:
 *
 * - It has its own name resolve to this server's address (DNS rebinding). Then the request's host is that
 *   name: only names of loopback, addresses, and names that the server was given are answered.
 * - It sends requests to this server's address. Then the browser says where they come from.
 */
export class SameSite {
  readonly #names: ReadonlySet<string>;

  /** `names`: names of the server, beside those of loopback and its addresses. */
  constructor(names: readonly string[]) {
    this.#names = new Set(names.map((name) => name.toLowerCase()));
  }

  /** Refuses a request for another host. */
  checkHost({ host }: IncomingHttpHeaders): Refused | undefined {
    const name = hostName(host ?? '');
    if (name !== undefined && (isLoopbackHost(name) || isAddress(name) || this.#names.has(name)))
      return undefined;
    return {
      status: 421,
      words: 'this server does not answer under this name: start it with --http-host NAME',
    };
  }

  /** Refuses a call that a page of another site makes. */
  checkOrigin({ host, origin, 'sec-fetch-site': site }: IncomingHttpHeaders): Refused | undefined {
    const isForeign = (origin !== undefined && hostOf(origin) !== host?.toLowerCase()) || isOther(site);
    return isForeign ? { status: 403, words: 'calls of other pages are refused' } : undefined;
  }
}

/** True if the browser says that another site, or another page of this host, makes the call. */
function isOther(site: string | string[] | undefined): boolean {
  return site !== undefined && site !== 'same-origin' && site !== 'none';
}

function isAddress(name: string): boolean {
  return isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0;
}

/** Returns the name of "NAME:PORT" in lower case; undefined if it is nothing of the kind. */
function hostName(host: string): string | undefined {
  return /^(\[[0-9a-f:.]+\]|[\w.-]+)(?::\d{1,5})?$/i.exec(host)?.[1]?.toLowerCase();
}

function hostOf(origin: string): string | undefined {
  return /^https?:\/\/([^/]+)$/i.exec(origin)?.[1]?.toLowerCase();
}
