import type { StowkenClient } from '../../src/client/index.js';
import { limits } from '../../src/model/index.js';
import type { Random } from '../crash/random.js';
import { Broken, compareMany, compareRead, joined } from './compare.js';
import { tokensOf } from './content.js';

type Conversations = ReadonlyMap<string, readonly number[]>;

/** Makes one random read of a client's content and compares the result; resolves to its name. */
export async function readSomething(
  client: StowkenClient,
  application: string,
  conversations: Conversations,
  random: Random,
): Promise<string> {
  const all = [...conversations];
  const picked = all[random.below(all.length)];
  if (picked === undefined) return list(client, application, conversations);
  const [id, content] = picked;
  switch (random.below(6)) {
    case 0:
      await compareRead(client, id, content);
      return 'read whole';
    case 1: {
      const messageOffset = random.below(content.length);
      await compareRead(client, id, content, { messageOffset, messageLimit: 1 + random.below(50) });
      return 'read messages';
    }
    case 2: {
      const tokens = content.reduce((sum, n) => sum + tokensOf(n).length, 0);
      const tokenOffset = random.below(tokens);
      await compareRead(client, id, content, { tokenOffset, tokenLimit: 1 + random.below(5000) });
      return 'read tokens';
    }
    case 3:
      await compareMany(client, all.slice(0, 1 + random.below(8)));
      return 'read many';
    case 4:
      return findPrefix(client, content.slice(0, 1 + random.below(content.length)));
    default:
      return list(client, application, conversations);
  }
}

async function list(
  client: StowkenClient,
  application: string,
  conversations: Conversations,
): Promise<string> {
  const listed = new Map<string, number>();
  for await (const { id, messageCount } of client.list({ filter: { application }, pageSize: 10 }))
    listed.set(id, messageCount);
  for (const [id, content] of conversations) {
    if (listed.get(id) !== content.length)
      throw new Broken(`${id} is listed with ${listed.get(id)} messages, not ${content.length}`);
  }
  if (listed.size !== conversations.size)
    throw new Broken(`${listed.size} conversations of ${application}, not ${conversations.size}`);
  return 'list';
}

/** It is the beginning of a stored conversation: whole blocks of it are found. */
async function findPrefix(client: StowkenClient, content: readonly number[]): Promise<string> {
  const tokens = joined(content.map(tokensOf));
  const [longest] = await client.findPrefix({ tokens });
  const known = tokens.length - (tokens.length % limits.prefixBlockTokens);
  if ((longest?.sharedTokens ?? 0) < known)
    throw new Broken(`${longest?.sharedTokens ?? 0} tokens of a prefix were found, not ${known}`);
  return 'find prefix';
}
