import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type AuditEvent, type AuditFilter, connect, type StowkenClient } from '../../src/client/index.js';
import { startStowken, type StowkenProcess } from '../support/process.js';

let folder: string;
let opened: StowkenClient[];
let server: StowkenProcess | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stowken-audit-server-'));
  opened = [];
});
afterEach(async () => {
  for (const client of opened) client.close();
  await server?.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

const tokens = { root: 'r'.repeat(40), writer: 'w'.repeat(40), lead: 'l'.repeat(40) };
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

function writeTokens(): string {
  const all = ['read', 'write', 'delete', 'maintain', 'admin'];
  const file = join(folder, 'tokens.json');
  const entries = [
    { name: 'root', sha256: sha256(tokens.root), grants: [{ rights: all, vaults: ['*'] }] },
    { name: 'writer', sha256: sha256(tokens.writer), grants: [{ rights: ['read', 'write'], vaults: ['*'] }] },
    { name: 'lead', sha256: sha256(tokens.lead), grants: [{ rights: all, vaults: ['team-a'] }] },
  ];
  writeFileSync(file, JSON.stringify({ tokens: entries }));
  return file;
}

async function listed(client: StowkenClient, filter: AuditFilter = {}): Promise<AuditEvent[]> {
  const events = [];
  for await (const event of client.admin.listAuditEvents(filter)) events.push(event);
  return events;
}

/** Asking for the log is recorded too, and left out here. */
const inShort = (events: readonly AuditEvent[]) =>
  events
    .filter(({ method }) => !method.endsWith('.ListAuditEvents'))
    .map(({ identity, method, vault, ids, result }) =>
      [identity, method.replace(/^.*\./, ''), vault, ids.join('+'), result].join(' '),
    );

it.each([
  ['one process', []],
  ['workers', ['--workers', '2']],
])('a server with %s records what is deleted, maintained, administered and denied', async (_way, flags) => {
  const data = join(folder, 'data');
  server = await startStowken('--data', data, '--token-file', writeTokens(), ...flags);
  const client = (token: string, vault?: string) => {
    const made = connect({ server: server!.address, token, ...(vault !== undefined && { vault }) });
    opened.push(made);
    return made;
  };
  const root = client(tokens.root);
  await root.admin.createVault('team-a');
  const store = (to: StowkenClient, id: string) =>
    to.store({
      conversation: { id, tokenizer: 'o200k_base' },
      messages: [{ role: 'user', text: 'a secret sentence' }],
    });
  for (const id of ['c1', 'c2\u001b[2J', 'c3']) await store(root, id);
  await store(client(tokens.lead, 'team-a'), 'a1');
  await root.delete('c1');
  await root.delete('c2\u001b[2J');
  await expect(root.delete('none')).rejects.toMatchObject({ reason: 'CONVERSATION_NOT_FOUND' });
  await client(tokens.lead, 'team-a').delete('a1');
  for await (const part of root.collectGarbage()) expect(part).toBeDefined();
  await expect(client(tokens.writer).delete('c3')).rejects.toMatchObject({ reason: 'PERMISSION_DENIED' });
  const wrong = 'x'.repeat(40);
  for (let n = 0; n < 5; n++)
    await expect(client(wrong).get('c3')).rejects.toMatchObject({ reason: 'UNAUTHENTICATED' });
  await expect(client(tokens.lead).get('c3')).rejects.toMatchObject({ reason: 'PERMISSION_DENIED' });

  const expected = [
    'root CreateVault team-a  OK',
    'root DeleteConversation default c1 OK',
    'root DeleteConversation default c2\u001b[2J OK',
    'root DeleteConversation default none CONVERSATION_NOT_FOUND',
    'lead DeleteConversation team-a a1 OK',
    'root CollectGarbage default  OK',
    'writer DeleteConversation   PERMISSION_DENIED',
    ' GetConversation   UNAUTHENTICATED',
    'lead GetConversation default  PERMISSION_DENIED',
  ];
  await expect.poll(async () => new Set(inShort(await listed(root)))).toEqual(new Set(expected));
  const events = await listed(root);
  // One connection's calls stand in the order in which they ended.
  const ofRoot = inShort(events).filter((line) => line.startsWith('root '));
  expect(ofRoot.reverse()).toEqual(expected.filter((line) => line.startsWith('root ')));
  expect(new Set(inShort(await listed(root, { vault: 'team-a' })))).toEqual(
    new Set([expected[0], expected[4]]),
  );
  expect(inShort(await listed(root, { identity: 'writer' }))).toEqual([expected[6]]);
  // Whoever administers one vault sees its events alone.
  expect(new Set(inShort(await listed(client(tokens.lead))))).toEqual(new Set([expected[0], expected[4]]));
  await expect(listed(client(tokens.lead), { vault: 'default' })).rejects.toMatchObject({
    reason: 'PERMISSION_DENIED',
  });
  await expect(listed(client(tokens.writer))).rejects.toMatchObject({ reason: 'PERMISSION_DENIED' });
  expect(events.every(({ peer }) => /^127\.0\.0\.1:\d+$/.test(peer))).toBe(true);

  for (const each of opened) each.close();
  opened = [];
  expect(await server.kill('SIGTERM')).toBe(0);
  const text = readFileSync(join(data, 'audit.jsonl'), 'utf8');
  expect(text).toMatch(/^([\x20-\x7e]+\n)+$/);
  const numbers = text
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { number: number }).number);
  expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  for (const secret of [...Object.values(tokens), wrong, 'secret sentence'])
    expect(text).not.toContain(secret);
  // Refusals like others are counted when the server ends, at the latest.
  expect(text).toMatch(/"result":"UNAUTHENTICATED","repeated":[1-4]/);
});

it('a server without an audit log says so', async () => {
  server = await startStowken('--storage', 'memory');
  const client = connect({ server: server.address });
  opened.push(client);
  await expect(listed(client)).rejects.toMatchObject({ reason: 'AUDIT_LOG_OFF' });
  expect(await server.kill('SIGTERM')).toBe(0);
});
