import { connect } from '../../src/client/index.js';
import type { SoakClient } from './client.js';
import { Broken } from './compare.js';
import { verified } from './maintenance.js';

/**
 * Checks that everything acknowledged is stored, and nothing else: each client's through one of the servers.
 * @throws Broken
 */
export async function settleAll(
  addresses: readonly string[],
  clients: readonly SoakClient[],
): Promise<string> {
  const client = connect({ server: addresses[0]! });
  const addressOf = (index: number) => addresses[index % addresses.length]!;
  try {
    await verified(client);
    const outcomes = await Promise.all(clients.map((each, index) => each.settle(addressOf(index))));
    for (const [index, each] of clients.entries()) await each.compareAll(addressOf(index + 1));
    const stats = await client.stats();
    const known = clients.reduce((sum, { journal }) => sum + journal.conversations.size, 0);
    if (stats.conversations !== known)
      throw new Broken(`${stats.conversations} conversations are stored, not ${known}`);
    const unanswered = outcomes.filter((outcome) => outcome !== undefined);
    return (
      `${known} conversations of ${stats.tokens} tokens, all equal, verify clean, ` +
      `${megabytes(stats.inUseBytes)} in use of ${megabytes(stats.fileBytes)}` +
      (unanswered.length > 0 ? `, unanswered changes: ${unanswered.join(', ')}` : '')
    );
  } finally {
    client.close();
  }
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
