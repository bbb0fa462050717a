import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectSocket, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, type StowkenClient } from '../../src/client/index.js';
import { limits } from '../../src/model/index.js';
import { pageMethods } from '../../src/page/methods.js';
import { isServed, rightsOf } from '../../src/rpc/index.js';
import { Authority, issueForLoopback, writeFiles } from '../support/certificates.js';
import { type StowkenProcess, startStowken } from '../support/process.js';
import { post, send } from './support.js';

const folder = mkdtempSync(join(tmpdir(), 'stowken-page-'));
afterAll(() => rmSync(folder, { recursive: true }));

const tokens = { root: 'r'.repeat(40), reader: 'd'.repeat(40) };
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const all = ['read', 'write', 'delete', 'maintain', 'admin'];

/** Matches an answer that has an error as JSON. */
function errorOf(code: number, words: string, headers: Readonly<Record<string, string>> = {}) {
  const start = `{"error":{"code":${code},`;
  return {
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
    text: expect.stringMatching(new RegExp(`^${start}.*${words}.*}}$`)) as string,
  };
}

function tokenFile(): string {
  const file = join(folder, 'tokens.json');
  const entries = [
    { name: 'root', sha256: sha256(tokens.root), grants: [{ rights: all, vaults: ['*'] }] },
    { name: 'reader', sha256: sha256(tokens.reader), grants: [{ rights: ['read'], vaults: ['team-a'] }] },
  ];
  writeFileSync(file, JSON.stringify({ tokens: entries }));
  return file;
}

describe('the port of the page, on a server that asks nobody', () => {
  let server: StowkenProcess;
  let client: StowkenClient;
  beforeAll(async () => {
    const flags = ['--http', '127.0.0.1:0', '--http-host', 'stowken.example.com'];
    server = await startStowken('--storage', 'memory', ...flags);
    client = connect({ server: server.address });
  });
  afterAll(async () => {
    client.close();
    expect(await server.kill('SIGTERM')).toBe(0);
  });

  const list = (headers: Record<string, string>) =>
    post(server.page, 'ConversationService/ListConversations', {}, { headers });

  it('has one page, which loads nothing from elsewhere and runs nothing but its own script', async () => {
    const { status, headers, text } = await send(server.page, '/');
    expect(status).toBe(200);
    expect(text.length).toBeLessThan(150_000);
    expect(text.match(/(?:src|href|action)="(?!data:|#)[^"]*"|url\(|@import/g)).toBeNull();
    expect(text.match(/<(script|style)\b/g)).toEqual(['<style', '<script']);
    const [script, style] = ['script', 'style'].map((element) => {
      const content = new RegExp(`<${element}>(.*)</${element}>`, 's').exec(text)![1]!;
      return `'sha256-${createHash('sha256').update(content).digest('base64')}'`;
    });
    const policy = headers['content-security-policy'];
    expect(policy).toBe(
      `default-src 'none'; script-src ${script}; style-src ${style}; connect-src 'self'; img-src data:; ` +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; " +
        "trusted-types 'none'",
    );
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'x-frame-options': 'DENY',
      'cross-origin-opener-policy': 'same-origin',
    });
    expect(headers['set-cookie']).toBeUndefined();
    const etag = headers.etag!;
    expect(await send(server.page, '/', { headers: { 'if-none-match': etag } })).toMatchObject({
      status: 304,
      text: '',
    });
    expect(await send(server.page, '/', { method: 'HEAD' })).toMatchObject({ status: 200, text: '' });
  });

  it('answers under its own names only, so that no other name can be made to lead here', async () => {
    const port = new URL(server.page).port;
    const own = ['localhost', `localhost:${port}`, '127.0.0.1', `[::1]:${port}`, '192.0.2.7:80'];
    for (const host of [...own, 'stowken.example.com', 'STOWKEN.example.com:443'])
      expect(await send(server.page, '/', { headers: { host } }), host).toMatchObject({ status: 200 });
    const foreign = [
      'evil.example',
      `localhost.evil.example:${port}`,
      'localhost@evil.example',
      '127.0.0.1.nip.io',
    ];
    for (const host of [...foreign, 'a/b']) {
      expect(await send(server.page, '/', { headers: { host } }), host).toMatchObject({ status: 421 });
      expect(await list({ host }), host).toMatchObject({ status: 421, ...errorOf(7, '--http-host NAME') });
    }
  });

  it('takes calls of its own page and of programs, and none of other pages', async () => {
    const { host, origin } = new URL(server.page);
    expect(await list({})).toMatchObject({ status: 200 });
    expect(await list({ origin, 'sec-fetch-site': 'same-origin' })).toMatchObject({ status: 200 });
    const foreign = ['http://evil.example', 'null', `http://${host}.evil.example`, 'http://localhost:1', 'x'];
    for (const each of foreign)
      expect(await list({ origin: each }), each).toMatchObject({
        status: 403,
        ...errorOf(7, 'other pages'),
      });
    for (const site of ['cross-site', 'same-site'])
      expect(await list({ 'sec-fetch-site': site }), site).toMatchObject({ status: 403 });
    // A form of another page can send only these types.
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data'])
      expect(await list({ 'content-type': type }), type).toMatchObject({
        status: 415,
        ...errorOf(3, 'only application/json'),
      });
    const { headers } = await list({ origin });
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  it('takes reading methods only', async () => {
    for (const { path } of pageMethods.values()) {
      expect(isServed(path), path).toBe(true);
      for (const right of ['write', 'delete', 'maintain'] as const)
        expect(rightsOf[path], path).not.toContain(right);
    }
    const documented = readFileSync(join(import.meta.dirname, '../../docs/page.md'), 'utf8');
    const names = Array.from(pageMethods.keys(), (path) => path.slice(path.lastIndexOf('/') + 1));
    expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(documented))).toEqual([]);
    const others = Object.keys(rightsOf)
      .map((path) => `/api/${path.replace('/stowken.v1.', '')}`)
      .filter((path) => !pageMethods.has(path));
    expect(others).toContain('/api/ConversationService/DeleteConversations');
    const headers = { 'content-type': 'application/json' };
    const unknown = ['/api/x', '/api/', '/x', '/../', '//', '/api/ConversationService/constructor'];
    for (const path of [...others, ...unknown])
      expect(await send(server.page, path, { method: 'POST', headers, body: '{}' }), path).toMatchObject({
        status: path === '/../' ? 405 : 404,
        ...(path.startsWith('/api/') && errorOf(12, 'gRPC has the others')),
      });
    for (const method of ['GET', 'PUT', 'DELETE', 'OPTIONS'])
      expect(await send(server.page, '/api/MaintenanceService/GetStats', { method })).toMatchObject({
        status: 405,
        ...errorOf(12, 'only POST', { allow: 'POST' }),
      });
    expect(await send(server.page, '/', { method: 'POST' })).toMatchObject({ status: 405 });
  });

  it('takes a whole URL for its path, as proxies send it', async () => {
    const target = (path: string) => `${server.page.replace(/\/$/, '')}${path}`;
    const headers = { 'content-type': 'application/json' };
    const call = target('/api/MaintenanceService/GetStats?x');
    const options = { method: 'POST', headers, body: '{}' };
    expect(await send(server.page, '/', { ...options, path: call })).toMatchObject({ status: 200 });
    expect(await send(server.page, '/', { ...options, path: target('/api/x') })).toMatchObject({
      status: 404,
      ...errorOf(12, 'gRPC has the others'),
    });
    for (const path of [target('/'), target('')])
      expect(await send(server.page, '/', { path }), path).toMatchObject({ status: 200 });
  });

  it('refuses requests that are too long, or not what the method takes', async () => {
    const refused = async (method: string, request: unknown) => {
      const { status, json } = await post(server.page, method, request);
      const { reason, message } = (json as { error: { reason: string; message: string } }).error;
      return [status, reason, message];
    };
    const list = 'ConversationService/ListConversations';
    expect(await refused(list, { vaults: 'x' })).toEqual([
      400,
      'INVALID_FIELD',
      'request.vaults is no field of this request',
    ]);
    const wrong: readonly unknown[] = [
      { page_size: 'x' },
      { page_size: 2 ** 31 },
      { page_size: -1 },
      { vault: 7 },
      { filter: [] },
      { filter: { conditions: {} } },
      { filter: { metadata: { a: 1 } } },
      { filter: { min_tokens: '-1' } },
      { filter: { min_tokens: '18446744073709551616' } },
      { filter: { create_time_from: 'yesterday' } },
      { order: 'NEWEST' },
      { order: 'toString' },
      { __proto__x: 1 },
      [],
      null,
      'x',
    ];
    for (const request of wrong)
      expect((await refused(list, request)).slice(0, 2), JSON.stringify(request)).toEqual([
        400,
        'INVALID_FIELD',
      ]);
    const raw = (body: string | Buffer) =>
      send(server.page, `/api/${list}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
    for (const body of ['', '{', 'x', Buffer.from([0x22, 0xff, 0x22])])
      expect(await raw(body)).toMatchObject({ status: 400 });
    expect(await raw(' '.repeat(limits.pageRequestBytesMax - 2) + '{}')).toMatchObject({ status: 200 });
    expect(await raw(' '.repeat(limits.pageRequestBytesMax) + '{}')).toMatchObject({
      status: 413,
      ...errorOf(8, `more than ${limits.pageRequestBytesMax} bytes`),
    });
  });

  it('gives ids, metadata and texts as they are, whatever they are, and numbers of 64 bits exactly', async () => {
    const id = '<img src=x onerror=alert(1)>/../\u202e"\'\u0000&amp;';
    const metadata = JSON.parse('{"toString":"t","constructor":"c","<b>":"\\u2028"}') as Record<
      string,
      string
    >;
    const text = '</script><script>alert(1)</script> 中文 🎉\u0000\u001b[2J';
    await client.store({
      conversation: { id, tokenizer: 'o200k_base', metadata },
      messages: [{ role: '<i>', text }],
    });
    const { json } = await post(server.page, 'ConversationService/GetConversation', { id });
    const { conversation } = json as { conversation: Record<string, unknown> };
    expect(conversation).toMatchObject({ id, revision: '1', message_count: 1, expire_time: null });
    expect(Object.entries(conversation['metadata'] as object).sort()).toEqual(
      Object.entries(metadata).sort(),
    );
    const request = { id, encoding: 'ENCODING_TEXT', include_tokens: true };
    const { lines, headers } = await post(server.page, 'ConversationService/RetrieveConversation', request);
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' });
    expect(lines).toMatchObject([{ header: { id } }, { chunk: { text, message: { role: '<i>' } } }]);
    const searched = await post(server.page, 'ConversationService/SearchConversations', { text: 'alert(1)' });
    const hits = (searched.lines as { hits: unknown[] }[]).flatMap((line) => line.hits);
    expect(hits).toMatchObject([{ conversation_id: id, role: '<i>', snippet: text }]);
    const huge = { filter: { max_tokens: '18446744073709551615' } };
    const refused = await post(server.page, 'ConversationService/ListConversations', huge);
    expect(refused.json).toMatchObject({ error: { metadata: { value: '18446744073709551615' } } });
  });

  it('reports failures with their reason, of streams too', async () => {
    const missing = { id: 'none', encoding: 'ENCODING_TEXT' };
    for (const method of ['GetConversation', 'RetrieveConversation'])
      expect(
        await post(
          server.page,
          `ConversationService/${method}`,
          method === 'GetConversation' ? { id: 'none' } : missing,
        ),
      ).toMatchObject({
        status: 404,
        json: {
          error: {
            code: 5,
            reason: 'CONVERSATION_NOT_FOUND',
            message: 'there is no conversation "none"',
            metadata: { resource_name: 'none' },
          },
        },
      });
    await client.store({
      conversation: { id: 'tokens', tokenizer: 'o200k_base' },
      messages: [
        { role: 'user', text: 'text '.repeat(70_000) },
        { role: 'user', tokens: [4_000_000_000] },
      ],
    });
    const { status, lines } = await post(server.page, 'ConversationService/RetrieveConversation', {
      ...missing,
      id: 'tokens',
    });
    // Its first messages were sent before the last one was found to be no text.
    expect([status, lines.at(-1)]).toMatchObject([200, { error: { reason: 'UNDECODABLE_TOKEN' } }]);
  });

  it('closes connections beyond its limit, and serves on when others have ended', async () => {
    const { hostname, port } = new URL(server.page);
    const open = async (): Promise<Socket> => {
      const socket = connectSocket(Number(port), hostname);
      socket.on('error', () => undefined);
      socket.resume();
      await once(socket, 'connect');
      return socket;
    };
    const idle = await Promise.all(Array.from({ length: limits.pageConnectionsMax }, open));
    const [turnedAway] = await Promise.all([open().then((socket) => once(socket, 'close'))]);
    expect(turnedAway).toBeDefined();
    for (const socket of idle) socket.destroy();
    await expect
      .poll(() =>
        send(server.page, '/').then(
          ({ status }) => status,
          () => 0,
        ),
      )
      .toBe(200);
  });
});

describe.each([
  ['one process', []],
  ['workers', ['--workers', '2']],
])('the port of the page, on a server of %s that asks who calls', (name, flags) => {
  it('gives callers what they have a right for, and no more; and the audit log has their address', async () => {
    const data = join(folder, name);
    const server = await startStowken('--data', data, '--token-file', tokenFile(), '--http', '0', ...flags);
    const root = connect({ server: server.address, token: tokens.root });
    try {
      expect(server.page).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
      await root.admin.createVault('team-a');
      expect(await send(server.page, '/')).toMatchObject({ status: 200 });
      const list = (vault: string, token?: string) =>
        post(
          server.page,
          'ConversationService/ListConversations',
          { vault },
          token === undefined ? {} : { token },
        );
      expect(await list('team-a')).toMatchObject({
        status: 401,
        json: { error: { reason: 'UNAUTHENTICATED' } },
      });
      expect(await list('team-a', 'x'.repeat(40))).toMatchObject({ status: 401 });
      expect(await list('team-a', tokens.reader)).toMatchObject({ status: 200, json: { conversations: [] } });
      const { token: reader } = { token: tokens.reader };
      expect((await post(server.page, 'AdminService/ListVaults', {}, { token: reader })).json).toMatchObject({
        vaults: [{ name: 'team-a' }],
      });
      const denied = await list('default', tokens.reader);
      expect(denied).toMatchObject({ status: 403, json: { error: { reason: 'PERMISSION_DENIED' } } });
      const ofReader = async () => {
        for await (const event of root.admin.listAuditEvents({}))
          if (event.identity === 'reader') return event;
        return undefined;
      };
      // A worker tells the process that writes the log: another worker may ask for it a moment earlier.
      await expect.poll(ofReader, { timeout: 5000 }).toMatchObject({
        method: 'ConversationService.ListConversations',
        vault: 'default',
        result: 'PERMISSION_DENIED',
        peer: denied.peer,
      });
    } finally {
      root.close();
      expect(await server.kill('SIGTERM')).toBe(0);
    }
  });
});

describe('the port of the page, with TLS', () => {
  it('speaks it too, and knows clients by their certificates', async () => {
    const authority = await Authority.create('page');
    const me = await authority.issue({ subject: 'CN=me' });
    const files = Object.fromEntries(
      ['cert', 'key', 'ca'].map((name) => [name, join(folder, `${name}.pem`)]),
    );
    const own = await issueForLoopback(authority);
    writeFiles({ [files['cert']!]: own.cert, [files['key']!]: own.key, [files['ca']!]: authority.pem });
    const known = join(folder, 'certificates.json');
    const certificates = [{ name: 'me', subject: 'CN=me', grants: [{ rights: ['read'], vaults: ['*'] }] }];
    writeFileSync(known, JSON.stringify({ certificates }));
    const tls = ['--tls-cert', files['cert']!, '--tls-key', files['key']!, '--tls-client-ca', files['ca']!];
    const server = await startStowken('--storage', 'memory', '--http', '0', '--token-file', known, ...tls);
    try {
      expect(server.page).toMatch(/^https:/);
      const ca = readFileSync(files['ca']!);
      const { cert, key } = me;
      const stats = { ca, cert, key };
      expect(await post(server.page, 'MaintenanceService/GetStats', {}, stats)).toMatchObject({
        status: 200,
        json: { conversations: '0' },
      });
      await expect(send(server.page, '/', { ca })).rejects.toThrow();
      const stranger = await authority.issue({ subject: 'CN=stranger' });
      const asStranger = { ca, cert: stranger.cert, key: stranger.key };
      expect(await post(server.page, 'MaintenanceService/GetStats', {}, asStranger)).toMatchObject({
        status: 401,
      });
      await expect(send(server.page.replace('https', 'http'), '/')).rejects.toThrow();
    } finally {
      expect(await server.kill('SIGTERM')).toBe(0);
    }
  });
});
