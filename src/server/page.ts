import type { RelayTo } from '../page/index.js';
import { accept } from '../rpc/index.js';
import type { ServerParts } from './parts.js';

/** A page that is served. */
export interface RunningPage {
  /** Address with the real port. */
  readonly address: string;
  drain(graceMs: number): Promise<void>;
}

/** Serves the page in this process, if there is to be one. */
export async function openPage(
  { options: { http, tls }, logger }: ServerParts,
  relay: RelayTo,
): Promise<RunningPage | undefined> {
  if (http === undefined) return undefined;
  const { PageServer } = await import('../page/index.js');
  const page = await PageServer.open({ hosts: http.hosts, tls, logger, relay });
  const acceptor = await accept(http.listen, page.take, { paused: false });
  return {
    address: acceptor.address,
    drain(graceMs) {
      acceptor.close();
      return page.drain(graceMs);
    },
  };
}
