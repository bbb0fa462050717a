import { afterAll, describe, expect, it } from 'vitest';
import { connect, type ConnectOptions, type StowkenClient } from '../../src/client/index.js';

/** No server is there: what is refused here was refused before anything was sent. */
const client = connect({ server: '127.0.0.1:1', retry: { attemptsMax: 1, backoffMs: 0 } });
afterAll(() => client.close());

/** Options as a caller without types may write them. */
const wrong = (fields: object) => fields as never;
const messages = [{ role: 'user', text: 'x' }];

type Call = (client: StowkenClient) => Promise<unknown>;

const unknownFields: readonly (readonly [field: string, known: RegExp, call: Call])[] = [
  [
    'messages[1].content',
    /text, tokens, tokensLe32$/,
    (c) => c.store(wrong({ messages: [messages[0], { role: 'user', content: 'x' }] })),
  ],
  [
    'messages[0].tool_call_id',
    /toolCallId/,
    (c) => c.append('a', [wrong({ role: 'tool', tool_call_id: 'x' })]),
  ],
  [
    'messages[0].content',
    /tokensLe32/,
    (c) => c.upload(wrong({ messages: [{ role: 'user', content: 'x' }] })),
  ],
  [
    'application',
    /conversation, messages, ifRevision, requestId/,
    (c) => c.store(wrong({ messages, application: 'a' })),
  ],
  ['conversation.app', /application/, (c) => c.store({ messages, conversation: wrong({ app: 'a' }) })],
  [
    'conversation.revision',
    /expireTimeMs/,
    (c) => c.upload({ messages, conversation: wrong({ revision: 1 }) }),
  ],
  ['revision', /ifRevision/, (c) => c.append('a', messages, wrong({ revision: 1 }))],
  ['message_count', /messageCount/, (c) => c.fork('a', wrong({ message_count: 1 }))],
  ['missing', /allowMissing/, (c) => c.delete('a', wrong({ missing: true }))],
  [
    'application',
    /ids, filter, all, expired, dryRun/,
    (c) => c.deleteMany(wrong({ all: true, application: 'a' })),
  ],
  ['filter.app', /application/, (c) => c.deleteMany({ filter: wrong({ app: 'a' }) })],
  [
    'filter.conditions[0].value',
    /values/,
    (c) => c.listPage({ filter: { conditions: [wrong({ field: 'model', value: 'a' })] } }),
  ],
  ['application', /filter, order/, (c) => c.list(wrong({ application: 'a' })).next()],
  ['pageToken', /onDamaged/, (c) => c.list(wrong({ pageToken: 'a' })).next()],
  ['offset', /messageOffset/, (c) => c.retrieve('a', wrong({ encoding: 'text', offset: 1 })).next()],
  ['limit', /messageLimit/, (c) => c.read('a', wrong({ encoding: 'text', limit: 1 })).next()],
  ['encoding', /tokenLimit/, (c) => c.readExact('a', wrong({ encoding: 'text' })).next()],
  [
    'tokenLimit',
    /encoding, signal/,
    (c) => c.retrieveMany(['a'], wrong({ encoding: 'text', tokenLimit: 1 })).next(),
  ],
  ['encoding', /tokensMax/, (c) => c.readMany(['a'], wrong({ encoding: 'text' })).next()],
  ['messages', /includeMessages/, (c) => c.get('a', wrong({ messages: true }))],
  ['caseless', /ignoreCase/, (c) => c.search('a', wrong({ caseless: true })).next()],
  ['model', /tokenizer, application/, (c) => c.findPrefix({ text: 'x' }, wrong({ model: 'a' }))],
  ['prefix.role', /text, tokens/, (c) => c.findPrefix(wrong({ text: 'x', role: 'user' }))],
  ['target.id', /conversationId/, (c) => c.similar(wrong({ id: 'a' }))],
  ['target.content.content', /tokensLe32/, (c) => c.similar({ content: wrong({ content: 'x' }) })],
  ['min', /threshold/, (c) => c.similar({ conversationId: 'a' }, wrong({ min: 1 }))],
  ['order', /threshold/, (c) => c.duplicates(wrong({ order: 'newest' })).next()],
  ['by', /groupBy/, (c) => c.usage(wrong({ by: ['day'] }))],
  ['count', /limit/, (c) => c.sharedSegments(wrong({ count: 1 }))],
  ['dry', /dryRun/, (c) => c.collectGarbage(wrong({ dry: true })).next()],
  ['dry_run', /dryRun/, (c) => c.compactSubstrings(wrong({ dry_run: true })).next()],
  ['fix', /repair/, (c) => c.verify(wrong({ fix: true })).next()],
  ['vault', /signal, timeoutMs$/, (c) => c.stats(wrong({ vault: 'a' }))],
  ['vault', /signal, timeoutMs$/, (c) => c.backup(wrong({ vault: 'a' })).next()],
  ['timeout', /vault, signal, timeoutMs$/, (c) => c.health(wrong({ timeout: 1 }))],
  ['owner', /holder/, (c) => c.segments.put([[1]], wrong({ owner: 'a' }))],
  ['references[0].owner', /holder/, (c) => c.segments.addReferences([wrong({ hash: 'a', owner: 'a' })])],
  ['limit', /pageSize/, (c) => c.segments.listGarbagePage(wrong({ limit: 1 }))],
  ['quotaBytes', /settings, signal/, (c) => c.admin.createVault('a', wrong({ quotaBytes: 1 }))],
  ['settings.quota', /quotaBytes/, (c) => c.admin.createVault('a', { settings: wrong({ quota: 1 }) })],
  [
    'settings.lifetimes[0].lifetime',
    /lifetimeMs/,
    (c) =>
      c.admin.updateVault('a', { settings: { lifetimes: [wrong({ label: 'a', value: 'b', lifetime: 1 })] } }),
  ],
  [
    'settings.keep[0].key',
    /label, value$/,
    (c) => c.admin.updateVault('a', { settings: { keep: [wrong({ key: 'a', value: 'b' })] } }),
  ],
  ['from', /startMs/, (c) => c.admin.listAuditEvents(wrong({ from: 1 })).next()],
  ['pageSize', /signal, timeoutMs$/, (c) => c.admin.listVaults(wrong({ pageSize: 1 })).next()],
];

describe('a request', () => {
  it.each(unknownFields)('with the unknown %s is refused', async (field, known, call) => {
    await expect(call(client)).rejects.toMatchObject({
      name: 'ClientError',
      reason: 'INVALID_FIELD',
      metadata: { field },
      message: expect.stringMatching(known) as string,
    });
  });

  it.each<[string, RegExp, Call]>([
    ['an order', /^order: .*newestFirst/, (c) => c.listPage({ order: 'newest' as never })],
    ['an order of segments', /^order: .*tokensSaved/, (c) => c.sharedSegments({ order: 'tokens' as never })],
    ['an order of matches', /^order: .*similarity/, (c) => c.similar({}, { order: 'oldest' as never })],
    ['an encoding', /^encoding: .*text, tokens/, (c) => c.read('a', { encoding: 'utf8' as never }).next()],
    [
      'a field of a condition',
      /^filter\.conditions\[0\]\.field: .*parentId/,
      (c) => c.listPage({ filter: { conditions: [{ field: 'toString' as never, values: [] }] } }),
    ],
  ])('with %s that there is not is refused', async (_what, message, call) => {
    await expect(call(client)).rejects.toThrow(message);
  });

  it.each<[string, RegExp, Call]>([
    [
      'a text that is null',
      /messages\[0\]\.text is null/,
      (c) => c.append('a', [wrong({ role: 'a', text: null })]),
    ],
    ['a text that is a number', /messages\[0\]\.text/, (c) => c.append('a', [wrong({ role: 'a', text: 5 })])],
    [
      'tokens that are text',
      /messages\[0\]\.tokens/,
      (c) => c.append('a', [wrong({ role: 'a', tokens: 'AAAA' })]),
    ],
    [
      'le32 that is text',
      /messages\[0\]\.tokensLe32/,
      (c) => c.append('a', [wrong({ role: 'a', tokensLe32: 'AAAA' })]),
    ],
    ['a message that is text', /messages\[0\]: .*role/, (c) => c.append('a', [wrong('x' as never)])],
    [
      'metadata in a Map',
      /metadata is not a plain/,
      (c) => c.store({ messages, conversation: { metadata: wrong(new Map([['a', 'b']])) } }),
    ],
    [
      'metadata that is undefined',
      /metadata "a" is undefined/,
      (c) => c.store({ messages, conversation: { metadata: wrong({ a: undefined }) } }),
    ],
    [
      'metadata that is a number',
      /filter\.metadata "a"/,
      (c) => c.listPage({ filter: { metadata: wrong({ a: 1 }) } }),
    ],
  ])('with %s is refused', async (_what, message, call) => {
    await expect(call(client)).rejects.toThrow(message);
  });

  it('may have unknown fields that are undefined', async () => {
    const call = client.store(wrong({ messages: [{ ...messages[0], content: undefined }], tags: undefined }));
    await expect(call).rejects.toMatchObject({ codeName: 'UNAVAILABLE' });
  });
});

describe('options of TLS', () => {
  const pem = '-----BEGIN CERTIFICATE-----\n';
  const tlsOf = (tls: unknown) => () => connect({ server: '127.0.0.1:1', tls } as ConnectOptions);

  it('may be the bytes of a file', () => {
    // The next check is that of the TLS library, which says that there is no certificate in it.
    expect(tlsOf({ ca: Buffer.from(pem) })).not.toThrow(/tls\.ca|Invalid input/);
  });

  it.each([
    [{ ca: 7 }, /^tls\.ca: it is a text in PEM, or its bytes$/],
    [{ ca: Buffer.from([0x30, 0x82]) }, /^tls\.ca: it is not PEM \(the content of the file\)$/],
    [{ ca: 'server.pem' }, /^tls\.ca: it is not PEM \(the content of the file\)$/],
    [{ serverName: 7 }, /^tls\.serverName: it is a text$/],
    [{ rootCerts: pem }, /^tls\.rootCerts: .*known are ca, cert, key, serverName$/],
    ['yes', /^tls: it is true, false, or \{ca, cert, key, serverName\}$/],
  ])('%j are refused, with what is wanted', (tls, message) => {
    expect(tlsOf(tls)).toThrow(message);
  });

  it('leave a token that is no text with what is wanted', () => {
    const options = { server: '127.0.0.1:1', token: 5 } as unknown as ConnectOptions;
    expect(() => connect(options)).toThrow(/^token: it is a text, or a function that returns one$/);
  });
});
