import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Grant, type Right, rights } from '../../src/identity/index.js';
import { rightsOf } from '../../src/rpc/index.js';
import { eventually } from '../support/wait.js';
import {
  contract,
  type Fields,
  message,
  method,
  refusal,
  type Refusal,
  type TestClient,
} from './support/client.js';
import { frame, Http2Client } from './support/http2.js';
import { startTestServer, type TestServer } from './support/server.js';

const folder = mkdtempSync(join(tmpdir(), 'stowken-rights-'));
/** Methods of the contract, by path, as its files have them. */
const methods = Object.entries(contract)
  .filter(([name, definition]) => name.startsWith('stowken.') && !('format' in definition))
  .flatMap(([, service]) => Object.entries(service as Record<string, ReturnType<typeof method>>));

const hash = 'a'.repeat(64);
const messages = [{ role: 'user', text: '' }];
/** A request of each method that is valid, but for the vault. */
const requestOf: Readonly<Record<string, Fields>> = {
  StoreConversation: { messages },
  AppendMessages: { id: 'a', messages },
  ForkConversation: { id: 'a', new_id: 'b', message_count: 1 },
  DeleteConversation: { id: 'a' },
  DeleteConversations: { ids: ['a'] },
  EraseConversations: { ids: ['a'] },
  RetrieveConversation: { id: 'a' },
  RenderMessages: { messages, tokenizer: 'o200k_base' },
  RetrieveConversations: { ids: ['a'] },
  GetConversation: { id: 'a' },
  GetAttachment: { id: 'a' },
  FindPrefix: { tokens: { ids: [1] } },
  SearchConversations: { text: 'a' },
  FindSimilar: { conversation_id: 'a' },
  ListSegmentUses: { segment_hash: hash },
  CountSegmentUses: { segment_hash: hash },
  PutSegments: { segments: [{ tokens: { ids: [1] } }] },
  GetSegments: { hashes: [hash] },
  HasSegments: { hashes: [hash] },
  AddReferences: { references: [{ hash, holder: 'h' }] },
  RemoveReferences: { references: [{ hash, holder: 'h' }] },
  DeleteSegment: { hash },
};

interface Entry {
  readonly token: string;
  readonly grants: readonly Grant[];
  readonly expires?: string;
}

const file = join(folder, 'tokens.json');

function writeTokens(entries: readonly Entry[]): void {
  const tokens = entries.map(({ token, ...rest }, index) => ({
    name: `token-${index}`,
    sha256: createHash('sha256').update(token).digest('hex'),
    ...rest,
  }));
  writeFileSync(file, JSON.stringify({ tokens }));
}

const without = (right: Right): Right[] => rights.filter((each) => each !== right);
const entries: Entry[] = [
  { token: 'all', grants: [{ rights: [...rights], vaults: ['*'] }] },
  { token: 'default', grants: [{ rights: [...rights], vaults: ['default'] }] },
  { token: 'team', grants: [{ rights: [...rights], vaults: ['team-*'] }] },
  { token: 'expired', grants: [{ rights: [...rights], vaults: ['*'] }], expires: '2020-01-01T00:00:00Z' },
  ...rights.map((right) => ({ token: `only-${right}`, grants: [{ rights: [right], vaults: ['*'] }] })),
  ...rights.map((right) => ({ token: `no-${right}`, grants: [{ rights: without(right), vaults: ['*'] }] })),
  ...rights.map((right) => ({
    token: `elsewhere-${right}`,
    grants: [
      { rights: without(right), vaults: ['*'] },
      { rights: [right], vaults: ['other'] },
    ],
  })),
];

let server: TestServer;
let client: TestClient;
beforeAll(async () => {
  writeTokens(entries);
  const identity = { tokenFile: file };
  server = await startTestServer({}, { access: { identity, openHealth: true, openReflection: false } });
  ({ client } = server);
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

/** Vaults of requests in which an empty name does not stand for the default vault, but for all. */
const nameless: Readonly<Record<string, string>> = { ListAuditEvents: 'default' };

/** Calls a method with a token, and returns its refusal; undefined if there was none. */
async function call(
  name: string,
  token: string | undefined,
  vault = nameless[name] ?? '',
): Promise<Refusal | undefined> {
  const caller = token === undefined ? client : client.withToken(token);
  const request = { vault, ...requestOf[name] };
  try {
    if (name === 'UploadConversation') await caller.sendAll(name, [{ spec: { vault } }, { finish: {} }]);
    else if (method(name).responseStream) await caller.stream(name, request);
    else await caller.unary(name, request);
    return undefined;
  } catch (error) {
    return refusal(error);
  }
}

const isDenied = (outcome: Refusal | undefined) =>
  outcome?.code === status.UNAUTHENTICATED || outcome?.code === status.PERMISSION_DENIED;

describe('the table of rights', () => {
  it('has every method of the contract, and no other', () => {
    expect(Object.keys(rightsOf).sort()).toEqual(methods.map(([, { path }]) => path).sort());
  });

  it('is the one in docs/security.md', () => {
    const page = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8');
    const shown = [...page.matchAll(/^\| `(\w+)\.(\w+)` \| (.+) \|$/gm)];
    const rows = shown.map(([, service, name, needed]) => [`/stowken.v1.${service}/${name}`, needed]);
    const table = Object.entries(rightsOf).map(([path, needed]) => [path, needed.join(', ') || 'any']);
    expect(rows).toEqual(table);
  });

  it('asks for every right somewhere', () => {
    expect(new Set(Object.values(rightsOf).flat())).toEqual(new Set(rights));
  });
});

describe.each(methods)('%s', (name, { path }) => {
  const needed = rightsOf[path]!;

  it('is refused without a token, and with one that is not valid', async () => {
    for (const token of [undefined, 'unknown', 'expired', 'all2', 'a.b.c'])
      expect(await call(name, token)).toMatchObject({
        code: status.UNAUTHENTICATED,
        reason: 'UNAUTHENTICATED',
      });
  });

  it('is refused to those with every right but the one it needs, there or everywhere', async () => {
    for (const right of needed) {
      const denied = { code: status.PERMISSION_DENIED, reason: 'PERMISSION_DENIED', metadata: { right } };
      expect(await call(name, `no-${right}`)).toMatchObject(denied);
      expect(await call(name, `elsewhere-${right}`)).toMatchObject({
        ...denied,
        metadata: { right, vault: 'default' },
      });
    }
    const [right] = needed;
    if (needed.length !== 1) return;
    for (const other of without(right!)) expect(isDenied(await call(name, `only-${other}`))).toBe(true);
  });

  it('is for those who have the rights for its vault', async () => {
    expect(isDenied(await call(name, 'all'))).toBe(false);
    expect(isDenied(await call(name, 'default'))).toBe(false);
    if (needed.length === 1) expect(isDenied(await call(name, `only-${needed[0]!}`))).toBe(false);
  });

  // ListVaults names no vault: it leaves out those for which the caller has no right.
  it.skipIf(name === 'ListVaults')('gives the same answer whether a vault exists or not', async () => {
    const answers = ['default', 'nowhere'].map(async (vault) => {
      const outcome = await call(name, 'team', vault);
      return {
        ...outcome,
        details: outcome?.details.replace(vault, 'V'),
        metadata: outcome?.metadata['right'],
      };
    });
    const [there, nowhere] = await Promise.all(answers);
    expect(there).toEqual(nowhere);
    expect(there).toMatchObject({ code: status.PERMISSION_DENIED });
    // The audit log has events of vaults that are deleted, so it does not look for the vault.
    const reason = name === 'ListAuditEvents' ? 'AUDIT_LOG_OFF' : 'VAULT_NOT_FOUND';
    expect(await call(name, 'team', 'team-a')).toMatchObject({ reason });
  });
});

describe('health and reflection', () => {
  const health = '/grpc.health.v1.Health/Check';
  const reflection = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';

  it.each([
    [health, true, false, '0', '0'],
    [health, false, false, '16', '0'],
    [reflection, true, false, '16', '0'],
    [reflection, true, true, '0', '0'],
    ['/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo', true, false, '16', '0'],
    ['/no.such.Service/Method', true, true, '16', '12'],
  ])('%s, open %s and %s: %s, and %s with a token', async (path, openHealth, openReflection, bare, known) => {
    const access = { identity: { tokenFile: file }, openHealth, openReflection };
    const other = await startTestServer({}, { access });
    const asked = new Http2Client(other.address);
    const answer = async (headers: Readonly<Record<string, string>>) => {
      const call = asked.begin(path, headers);
      call.stream.end(frame(Buffer.alloc(0)));
      return (await call.status)['grpc-status'];
    };
    try {
      expect(await answer({})).toBe(bare);
      expect(await answer({ authorization: 'Bearer only-admin' })).toBe(known);
      expect(await answer({ authorization: 'Basic eDp5' })).toBe(bare);
    } finally {
      asked.destroy();
      await other.stop();
    }
  });
});

describe('the health of a server', () => {
  /** Returns what a call answered: the bytes of its first response, or of all if it ended. */
  async function asked(name: string, service: string, headers: Readonly<Record<string, string>> = {}) {
    const http = new Http2Client(server.address);
    const { stream, status: ended } = http.begin(`/grpc.health.v1.Health/${name}`, headers);
    const first = new Promise<string>((resolve) =>
      stream.once('data', (piece: Buffer) => resolve(piece.toString('hex'))),
    );
    stream.end(frame(Buffer.concat([Buffer.of(0x0a, service.length), Buffer.from(service)])));
    try {
      const refused = ended.then(
        (end) => `${String(end['grpc-status'])}: ${decodeURIComponent(String(end['grpc-message']))}`,
      );
      return await Promise.race([first, refused]);
    } finally {
      http.destroy();
    }
  }
  const serving = '00000000020801';
  const unknown = '00000000020803';

  it('is told of a vault by its name to those who have a right for it alone', async () => {
    await call('GetStats', 'all');
    for (const token of [undefined, 'unknown', 'expired', 'team']) {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      for (const vault of ['default', 'nowhere']) {
        const service = `vault/${vault}`;
        const refused = `5: Health status unknown for service ${service}`;
        expect(await asked('Check', service, headers)).toBe(refused);
        expect(await asked('Watch', service, headers)).toBe(unknown);
      }
      for (const service of ['', 'stowken.v1.ConversationService']) {
        expect(await asked('Check', service, headers)).toBe(serving);
        expect(await asked('Watch', service, headers)).toBe(serving);
      }
    }
    for (const token of ['all', 'default', 'only-read']) {
      const headers = { authorization: `Bearer ${token}` };
      expect(await asked('Check', 'vault/default', headers)).toBe(serving);
      expect(await asked('Watch', 'vault/default', headers)).toBe(serving);
    }
  });

  it('is listed to everybody without the names of vaults', async () => {
    await call('GetStats', 'all');
    // A check has the server look which vaults are in use.
    expect(await asked('Check', 'vault/default', { authorization: 'Bearer all' })).toBe(serving);
    const http = new Http2Client(server.address);
    try {
      const listed = http.begin('/grpc.health.v1.Health/List', {});
      const bytes: Buffer[] = [];
      listed.stream.on('data', (piece: Buffer) => bytes.push(piece));
      listed.stream.end(frame(Buffer.alloc(0)));
      expect((await listed.status)['grpc-status']).toBe('0');
      const names = Buffer.concat(bytes).toString('latin1');
      expect(names).toContain('stowken.v1.ConversationService');
      expect(names).not.toContain('vault/');
    } finally {
      http.destroy();
    }
  });
});

describe('a call that is refused by its headers', () => {
  it('has none of its request kept, and what comes of it is not decompressed', async () => {
    const asked = new Http2Client(server.address);
    try {
      for (const authorization of ['Bearer unknown', 'Bearer only-read']) {
        const { path } = method('StoreConversation');
        const call = asked.begin(path, { authorization, 'grpc-encoding': 'gzip' });
        // A head that announces 60 MiB, compressed: the budget would be asked for room.
        const head = Buffer.from([1, 0, 0, 0, 0]);
        head.writeUInt32BE(60 * 1024 * 1024, 1);
        call.stream.write(head);
        const { 'grpc-status': code } = await call.status;
        expect(['16', '7']).toContain(code);
      }
    } finally {
      asked.destroy();
    }
  });
});

describe('a request for a vault that its caller may not use', () => {
  it('is refused when its first bytes are there, however long it is', async () => {
    const asked = new Http2Client(server.address);
    try {
      const { path } = method('StoreConversation');
      const call = asked.begin(path, { authorization: 'Bearer team' });
      const head = Buffer.from([0, 0, 0, 0, 0]);
      head.writeUInt32BE(60 * 1024 * 1024, 1);
      const vault = Buffer.from('default');
      call.stream.write(Buffer.concat([head, Buffer.from([10, vault.length]), vault]));
      expect(await call.status).toMatchObject({ 'grpc-status': '7' });
    } finally {
      asked.destroy();
    }
  });

  it('is refused by the vault that counts, if it names several, or one at its end', async () => {
    const named = (vault: string) => message('stowken.v1.GetConversationRequest').serialize({ vault });
    const id = message('stowken.v1.GetConversationRequest').serialize({ id: 'a' });
    const team = client.withToken('team');
    const outcome = (...parts: Buffer[]) =>
      team.unary('GetConversation', Buffer.concat(parts)).catch((error: unknown) => refusal(error).reason);
    expect(await outcome(named('team-a'), id, named('default'))).toBe('PERMISSION_DENIED');
    expect(await outcome(id, named('default'))).toBe('PERMISSION_DENIED');
    expect(await outcome(id)).toBe('PERMISSION_DENIED');
    expect(await outcome(id, named('team-a'))).toBe('VAULT_NOT_FOUND');
  });
});

describe('a token file', () => {
  it('is read again: a token that is revoked is refused, and calls under load with others go on', async () => {
    const other = { token: 'other', grants: [{ rights: ['read' as const], vaults: ['*'] }] };
    let isDone = false;
    let calls = 0;
    const load = (async () => {
      for (; !isDone; calls++) expect(await call('GetStats', 'all')).toBeUndefined();
    })();
    try {
      expect(await call('GetStats', 'other')).toMatchObject({ reason: 'UNAUTHENTICATED' });
      writeTokens([...entries, other]);
      await eventually(async () => expect(await call('GetStats', 'other')).toBeUndefined());
      writeTokens(entries);
      await eventually(async () =>
        expect(await call('GetStats', 'other')).toMatchObject({ reason: 'UNAUTHENTICATED' }),
      );
      const before = calls;
      await eventually(() => expect(calls).toBeGreaterThan(before + 50));
    } finally {
      isDone = true;
      await load;
    }
  });

  it('that cannot be read any more changes nothing, and the log says so without a secret', async () => {
    const message = 'the token file has changed and cannot be used: the former tokens stay';
    for (const [index, content] of ['{"tokens": [{"name": "leaked-secret-word"', ''].entries()) {
      writeFileSync(file, content);
      await eventually(() => expect(server.log.filter(({ msg }) => msg === message)).toHaveLength(index + 1));
      expect(await call('GetStats', 'all')).toBeUndefined();
    }
    expect(JSON.stringify(server.log)).not.toContain('leaked-secret-word');
    writeTokens(entries);
  });
});

describe('the log of a server that is asked with tokens', () => {
  it('has no token, neither of those that are valid nor of others', async () => {
    const secrets = ['no-read', 'unknown-secret-token', 'all'];
    for (const token of secrets) await call('RetrieveConversation', token);
    const text = JSON.stringify(server.log);
    expect(text).toContain('call refused');
    for (const token of ['unknown-secret-token', 'Bearer']) expect(text).not.toContain(token);
  });
});
