import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { rightsOf } from '../../src/rpc/index.js';
import { isChanging } from '../../src/rpc/access/index.js';
import { method, refusal, type Refusal } from './support/client.js';
import { startTestServer, type TestServer } from './support/server.js';

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer({}, { readOnly: true });
});
afterEach(() => server.stop());

const nameOf = (path: string) => path.slice(path.lastIndexOf('/') + 1);

async function call(name: string, request: object = {}): Promise<Refusal | undefined> {
  try {
    if (name === 'UploadConversation') await server.client.sendAll(name, [{ spec: {} }]);
    else if (method(name).responseStream) await server.client.stream(name, { ...request });
    else await server.client.unary(name, { ...request });
    return undefined;
  } catch (error) {
    return refusal(error);
  }
}

const refused = { code: status.FAILED_PRECONDITION, reason: 'READ_ONLY' };
const changing = Object.keys(rightsOf).filter(isChanging).map(nameOf);

it('knows all methods that always change something', () => {
  expect(changing.sort()).toEqual([
    'AddReferences',
    'AppendMessages',
    'CreateVault',
    'DeleteConversation',
    'DeleteConversations',
    'DeleteSegment',
    'DeleteVault',
    'EraseConversations',
    'ForkConversation',
    'PutSegments',
    'RemoveReferences',
    'StoreConversation',
    'UpdateVault',
    'UploadConversation',
  ]);
});

it.each(changing)('a server that only reads refuses %s, before it reads the request', async (name) => {
  expect(await call(name)).toMatchObject(refused);
});

it.each([
  ['CollectGarbage', {}],
  ['CompactSubstrings', {}],
  ['VerifyVault', { repair: true }],
])('a server that only reads refuses %s when it would change something', async (name, request) => {
  expect(await call(name, request)).toMatchObject(refused);
});

it('a server that only reads answers everything else', async () => {
  expect(await call('CollectGarbage', { dry_run: true })).toBeUndefined();
  expect(await call('CompactSubstrings', { dry_run: true })).toBeUndefined();
  for (const name of ['VerifyVault', 'GetStats', 'ListConversations', 'ListRegistries', 'ListVaults'])
    expect(await call(name)).toBeUndefined();
  expect(await call('GetConversation', { id: 'none' })).toMatchObject({ reason: 'CONVERSATION_NOT_FOUND' });
  expect(await server.client.unary('GetCapabilities', {})).toMatchObject({ read_only: true });
});
