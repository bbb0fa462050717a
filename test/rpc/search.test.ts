import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, type SearchHit, type SearchOptions, type StowkenClient } from '../../src/client/index.js';
import type { RunningServer } from '../../src/cli/index.js';
import { limits } from '../../src/model/index.js';
import { Needle } from '../../src/vault/search/needle.js';
import { TextSearch } from '../../src/vault/search/text-hits.js';
import { startTestServer } from '../cli/support/start-server.js';
import { jsonLines, stowkenAt } from '../cli/support/stowken.js';
import { sampleOr } from '../support/sample.js';

let server: RunningServer;
let client: StowkenClient;

const tokenizer = 'o200k_base';
const emoji = '👩‍👩‍👧';
const texts = [
  `你好，焦虑的人 ${emoji} 焦虑焦虑`,
  'An ERROR is no error; errors are.',
  'Straße, STRASSE, Ärger, ärger, ΣΟΦΟΣ σοφος',
  '',
  'aaaaaaa',
];

beforeAll(async () => {
  server = await startTestServer();
  client = connect({ server: server.address });
  for (const [number, id] of ['oldest', 'middle', 'newest'].entries()) {
    const messages = texts.slice(number).map((text) => ({ role: 'user', text }));
    await client.store({ conversation: { id, application: `app ${number % 2}`, tokenizer }, messages });
  }
  // More than one segment, of characters that tokens cut.
  const long = `${'焦虑🙂 und so weiter, '.repeat(1500)}nadel${' ende'.repeat(50)}`;
  const messages = [{ role: 'tool', text: long }];
  await client.store({ conversation: { id: 'long', application: 'long', tokenizer }, messages });
  const ids = { id: 'ids', application: 'ids', tokenizer: '' };
  await client.store({ conversation: ids, messages: [{ role: 'user', tokens: [1, 2] }] });
});
afterAll(async () => {
  client.close();
  await server.stop();
});

async function searched(text: string, options: SearchOptions = {}) {
  const hits: SearchHit[] = [];
  let token = '';
  let unsearched = 0;
  for await (const part of client.search(text, options)) {
    hits.push(...part.hits);
    ({ nextPageToken: token, unsearched } = part);
  }
  return { hits, token, unsearched };
}

const places = (hits: readonly SearchHit[]) =>
  hits.map(
    ({ conversationId, messageIndex, textOffset }) => `${conversationId} ${messageIndex} ${textOffset}`,
  );

/** Finds the places in all text that a retrieve gives. */
async function scanned(text: string, application?: string): Promise<string[]> {
  const found: string[] = [];
  const filter = application === undefined ? {} : { application };
  for await (const { id, tokenizer: known } of client.list({ filter })) {
    if (known === '') continue;
    for await (const part of client.read(id, { encoding: 'text' })) {
      if (part.kind === 'header') continue;
      let points = 0;
      let counted = 0;
      for (let at = part.content.indexOf(text); at >= 0; at = part.content.indexOf(text, at + text.length)) {
        points += [...part.content.slice(counted, at)].length;
        counted = at;
        found.push(`${id} ${part.index} ${points}`);
      }
    }
  }
  return found;
}

describe('SearchConversations', () => {
  it.each([
    '焦虑',
    'aa',
    emoji,
    '👩',
    '\u200d',
    'error',
    'nadel',
    '焦虑🙂',
    '🙂 und so weiter, 焦',
    'nowhere',
  ])('finds %j where a plain scan does, newest first', async (text) => {
    const { hits } = await searched(text, { limit: limits.searchHitsMax, filter: { application: 'app 0' } });
    expect(places(hits)).toEqual(await scanned(text, 'app 0'));
    const long = await searched(text, { filter: { application: 'long' } });
    expect(places(long.hits)).toEqual((await scanned(text, 'long')).slice(0, 100));
  });

  it('goes on with a token, without a place twice or missed, inside a message too', async () => {
    const found: string[] = [];
    let pageToken = '';
    do {
      const part = await searched('焦虑', { limit: 7, pageToken, filter: { application: 'app 0' } });
      expect(part.hits.length).toBeLessThanOrEqual(7);
      found.push(...places(part.hits));
      pageToken = part.token;
    } while (pageToken !== '');
    expect(found).toEqual(await scanned('焦虑', 'app 0'));
    const first = await searched('焦虑🙂', { limit: 400, filter: { application: 'long' } });
    const second = await searched('焦虑🙂', {
      limit: 400,
      pageToken: first.token,
      filter: { application: 'long' },
    });
    const all = await scanned('焦虑🙂', 'long');
    expect([...places(first.hits), ...places(second.hits)]).toEqual(all.slice(0, 800));
    await expect(searched('other', { pageToken: first.token })).rejects.toMatchObject({
      reason: 'INVALID_PAGE_TOKEN',
    });
  });

  it('ignores case and finds words, where asked to', async () => {
    const filter = { idPrefix: 'middle' };
    const offsets = async (text: string, options: SearchOptions) =>
      (await searched(text, { ...options, filter })).hits.map(({ textOffset }) => textOffset);
    expect(await offsets('error', { ignoreCase: true })).toEqual([3, 15, 22]);
    expect(await offsets('error', { wholeWords: true })).toEqual([15]);
    expect(await offsets('ERROR', { ignoreCase: true, wholeWords: true })).toEqual([3, 15]);
    expect(await offsets('ÄRGER', { ignoreCase: true })).toEqual([17, 24]);
    expect(await offsets('strasse', { ignoreCase: true })).toEqual([8]);
    expect(await offsets('σοφοσ', { ignoreCase: true })).toEqual([31, 37]);
  });

  it('gives the message, its revision and what stands around the place', async () => {
    const { hits, unsearched } = await searched('is no error');
    expect(hits[0]).toEqual({
      conversationId: 'middle',
      revision: 1,
      messageIndex: 0,
      textOffset: 9,
      snippet: 'An ERROR is no error; errors are.',
      snippetOffset: 9,
      snippetEndsMessage: true,
      role: 'user',
    });
    expect(unsearched).toBe(1);
  });

  it('refuses a text that is empty or too long', async () => {
    await expect(searched('')).rejects.toMatchObject({ reason: 'INVALID_FIELD' });
    await expect(searched('x'.repeat(1025))).rejects.toMatchObject({ reason: 'INVALID_FIELD' });
  });

  it('ends when the caller cancels', async () => {
    const signal = AbortSignal.abort();
    await expect(searched('x', { signal })).rejects.toMatchObject({ codeName: 'CANCELLED' });
  });
});

describe('stowken search', () => {
  it('prints a line for each place', async () => {
    const run = stowkenAt(server.address);
    const json = await run(['search', '焦虑', '--json', '--application', 'app 0']);
    expect(json.code).toBe(0);
    expect(jsonLines(json.stdout)).toMatchObject(
      (await scanned('焦虑', 'app 0')).map((place) => {
        const [id, message, offset] = place.split(' ');
        return { conversation_id: id, message_index: Number(message), text_offset: Number(offset) };
      }),
    );
    const plain = await run(['search', 'nadel', '--application', 'long']);
    expect(plain.stdout).toMatch(/^long {2}0:\d+ {2}tool {2}.*nadel.*\n$/);
    expect((await run(['search', 'nowhere', '--application', 'long'])).stdout).toBe('not found\n');
    const all = await run(['search', '焦虑🙂', '--all', '--application', 'long', '--json']);
    expect(jsonLines(all.stdout)).toHaveLength(1500);
  });
});

describe('TextSearch', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '焦', '🙂', ' ', '_'), maxLength: 300 });
  it('finds in pieces what a scan of the whole finds', () => {
    fc.assert(
      fc.property(
        fc.array(letters, { maxLength: 6 }),
        fc.string({ unit: fc.constantFrom('a', 'b', '焦', '🙂'), minLength: 1, maxLength: 3 }),
        fc.nat(20),
        (pieces, text, fromOffset) => {
          const needle = new Needle({ text, ignoreCase: false, wholeWords: false });
          const search = new TextSearch(needle, fromOffset, Infinity);
          for (const piece of pieces) search.push(piece);
          const whole = pieces.join('');
          const expected: number[] = [];
          for (let at = whole.indexOf(text); at >= 0; at = whole.indexOf(text, at + text.length)) {
            expected.push([...whole.slice(0, at)].length);
          }
          const hits = search.finish();
          expect(hits.map(({ offset }) => offset)).toEqual(expected.filter((offset) => offset >= fromOffset));
          for (const { offset, snippet, snippetOffset, snippetEndsText } of hits) {
            const from = offset - snippetOffset;
            const points = [...snippet];
            expect([...whole].slice(from, from + points.length).join('')).toBe(snippet);
            expect(points.slice(snippetOffset).join('').startsWith(text)).toBe(true);
            expect(snippetEndsText).toBe(from + points.length === [...whole].length);
          }
        },
      ),
      { numRuns: sampleOr(300, 10_000) },
    );
  });
});
