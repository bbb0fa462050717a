import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningServer } from '../../src/cli/index.js';
import { connect, type DuplicatesPart, type StowkenClient } from '../../src/client/index.js';
import { startTestServer } from '../cli/support/start-server.js';
import { jsonLines, stowkenAt } from '../cli/support/stowken.js';

let server: RunningServer;
let client: StowkenClient;

const tokens = (count: number, last = 0) =>
  Array.from({ length: count }, (_, index) => (index === count - 1 ? last : index));
const copies = 1100;

beforeAll(async () => {
  server = await startTestServer();
  client = connect({ server: server.address });
  const store = (number: number, application: string) => {
    const conversation = { id: `c${number}`, application };
    return client.store({ conversation, messages: [{ role: 'user', tokens: tokens(60, number) }] });
  };
  for (let number = 0; number < 3; number++) await store(number, 'few');
  await Promise.all(Array.from({ length: copies - 3 }, (_, index) => store(3 + index, 'many')));
  await client.store({
    conversation: { id: 'other' },
    messages: [{ role: 'user', tokens: [900, 901, 902, 903, 904, 905, 906, 907] }],
  });
});
afterAll(async () => {
  client.close();
  await server.stop();
});

const run = (line: string[]) => stowkenAt(server.address)(line);
const similarity = 55 / 57;

describe('FindSimilar', () => {
  it('answers a conversation, a segment and tokens', async () => {
    const options = { filter: { application: 'few' } };
    const near = await client.similar({ conversationId: 'c0' }, options);
    expect(near).toMatchObject({ compared: 2, uncompared: 0 });
    expect(near.matches.map(({ conversation }) => conversation!.id)).toEqual(['c2', 'c1']);
    expect(near.matches[0]).toMatchObject({ similarity, sharedShingles: 55, shingles: 57, tokenCount: 60 });
    const given = { tokens: tokens(60, 2) };
    expect((await client.similar({ content: given }, { ...options, threshold: 1 })).matches).toHaveLength(1);
    const words = new Uint8Array(Uint32Array.from(tokens(60)).buffer);
    const segmentHash = createHash('sha256').update(words).digest('hex');
    const segments = await client.similar({ segmentHash }, { limit: 5 });
    expect(segments.matches).toHaveLength(5);
    expect(segments.matches[0]).toMatchObject({ conversation: undefined, similarity });
  });

  it.each([
    [{}, { threshold: 0.5 }, 'conversation_id'],
    [{ conversationId: 'c0', segmentHash: 'a'.repeat(64) }, {}, 'conversation_id'],
    [{ segmentHash: 'A'.repeat(64) }, {}, 'segment_hash'],
    [{ conversationId: 'c0' }, { threshold: 1.1 }, 'threshold'],
    [{ conversationId: 'c0' }, { threshold: -0.1 }, 'threshold'],
    [{ conversationId: 'c0' }, { threshold: NaN }, 'threshold'],
  ])('refuses %j with %j', async (target, options, field) => {
    const refused = { reason: 'INVALID_FIELD', metadata: { field } };
    await expect(client.similar(target, options)).rejects.toMatchObject(refused);
  });

  it('is a command', async () => {
    const { stdout } = await run(['similar', 'c0', '--json', '--application', 'few']);
    expect(jsonLines(stdout)).toMatchObject([
      { conversation_id: 'c2', similarity, tokens: 60, shared_shingles: 55, shingles: 57 },
      { conversation_id: 'c1' },
    ]);
    const newest = ['similar', 'c0', '--newest', '--limit', '1', '--application', 'few'];
    expect((await run(newest)).stdout).toMatch(/c2 +96\.4 %/);
    expect((await run(['similar', 'other'])).stdout).toBe('nothing is similar\n');
  });
});

describe('FindDuplicates', () => {
  it('streams counts, then groups, a large one in parts', async () => {
    const parts: DuplicatesPart[] = [];
    for await (const part of client.duplicates()) parts.push(part);
    const groups = parts.filter(({ conversationId }) => conversationId !== '');
    expect(groups.map(({ conversationId }) => conversationId)).toEqual(['c0', 'c0']);
    expect(groups.map(({ duplicates }) => duplicates.length)).toEqual([1000, copies - 1 - 1000]);
    expect(parts.length).toBeGreaterThan(4);
    expect(parts.at(-1)).toMatchObject({ conversations: copies + 1, uncompared: 0, notKept: 0 });
  });

  it('is a command', async () => {
    const [group, ...others] = jsonLines((await run(['duplicates', '--json'])).stdout);
    expect(others).toEqual([]);
    expect(group).toMatchObject({ conversation_id: 'c0', tokens: 60, repeated_tokens: 60 * (copies - 1) });
    expect((group as { duplicates: object[] }).duplicates).toHaveLength(copies - 1);
    const { stdout } = await run(['duplicates', '--application', 'few']);
    expect(stdout).toBe('c0  60 tokens; 120 repeated\n  96.4 %  c1\n  96.4 %  c2\n');
    expect((await run(['duplicates', '--threshold', '1'])).stdout).toBe('no near-duplicates\n');
    const refused = await run(['duplicates', '--threshold', '0.4']);
    expect(refused.stderr).toContain('0.5 to 1');
  });
});
