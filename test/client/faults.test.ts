import {
  Metadata,
  status,
  type sendUnaryData,
  type ServerUnaryCall,
  type ServerWritableStream,
} from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { ClientError, connect, isUnreachable, type StowkenClient } from '../../src/client/index.js';
import { failure, fewRetries, startFaultServer } from './support.js';

type Unary = (call: ServerUnaryCall<object, object>, answer: sendUnaryData<object>) => void;
type Streaming = (call: ServerWritableStream<object, object>) => void;

const cleanups: (() => void)[] = [];
afterEach(() => cleanups.splice(0).forEach((cleanup) => cleanup()));

async function clientOf(
  unary: Record<string, Unary>,
  streaming: Record<string, Streaming> = {},
): Promise<StowkenClient> {
  const server = await startFaultServer({ ...unary, ...streaming });
  const client = connect({ server: server.address, retry: fewRetries });
  cleanups.push(() => client.close(), server.stop);
  return client;
}

function rejection(promise: Promise<unknown>): Promise<ClientError> {
  return promise.then(
    () => expect.fail('it did not reject'),
    (error: unknown) => error as ClientError,
  );
}

async function all(parts: AsyncIterable<unknown>): Promise<unknown[]> {
  const seen: unknown[] = [];
  for await (const part of parts) seen.push(part);
  return seen;
}

describe('errors', () => {
  it('have the code, the reason and the facts that the server sent', async () => {
    const facts = { id: 'x', revision: '7' };
    const client = await clientOf({
      getConversation: (_call, answer) => answer(failure(status.ABORTED, 'REVISION_MISMATCH', facts)),
    });
    const error = await rejection(client.get('x'));
    expect(error).toBeInstanceOf(ClientError);
    expect(error).toMatchObject({
      code: status.ABORTED,
      codeName: 'ABORTED',
      reason: 'REVISION_MISMATCH',
      metadata: facts,
      message: 'it failed: REVISION_MISMATCH',
    });
  });

  it.each([
    ['of another domain', failure(status.NOT_FOUND, 'CONVERSATION_NOT_FOUND', {}, 'example.com').metadata],
    ['not in our list', failure(status.NOT_FOUND, 'NO_SUCH_REASON').metadata],
    ['that do not decode', detailsOf(Buffer.from([0x0a, 0xff, 0x01]))],
    ['that are absent', new Metadata()],
  ])('have no reason from details %s', async (_what, metadata) => {
    const client = await clientOf({
      getConversation: (_call, answer) => answer({ code: status.NOT_FOUND, details: 'no', metadata }),
    });
    expect(await rejection(client.get('x'))).toMatchObject({ code: status.NOT_FOUND, reason: undefined });
  });

  it('are raised by a stream after what came before them', async () => {
    const client = await clientOf(
      {},
      {
        collectGarbage: (call) => {
          call.write({ plan: { segments: '3', bytes: '30' } });
          call.emit('error', failure(status.DATA_LOSS, 'CORRUPT_SEGMENT'));
        },
      },
    );
    const parts: unknown[] = [];
    const error = await rejection(
      (async () => {
        for await (const part of client.collectGarbage()) parts.push(part);
      })(),
    );
    expect(parts).toEqual([{ kind: 'plan', segments: 3, bytes: 30 }]);
    expect(error.reason).toBe('CORRUPT_SEGMENT');
  });
});

function detailsOf(bytes: Buffer): Metadata {
  const metadata = new Metadata();
  metadata.set('grpc-status-details-bin', bytes);
  return metadata;
}

describe('trying again', () => {
  const unavailable = { code: status.UNAVAILABLE, details: 'not now', metadata: new Metadata() };
  const conversation = { id: 'x' };

  async function triesOf(
    handler: string,
    call: (client: StowkenClient) => Promise<unknown>,
  ): Promise<number> {
    let tries = 0;
    const client = await clientOf({
      [handler]: (_call, answer) => {
        tries++;
        answer(unavailable);
      },
    });
    expect((await rejection(call(client))).code).toBe(status.UNAVAILABLE);
    return tries;
  }

  it('is done for what can be done twice', async () => {
    expect(await triesOf('getConversation', (client) => client.get('x'))).toBe(3);
    expect(await triesOf('getStats', (client) => client.stats())).toBe(3);
    expect(await triesOf('listConversations', (client) => client.listPage())).toBe(3);
    expect(await triesOf('storeConversation', (client) => client.store({ conversation, messages: [] }))).toBe(
      3,
    );
  });

  it('is not done where the first try may have had its effect', async () => {
    expect(await triesOf('storeConversation', (client) => client.store({ messages: [] }))).toBe(1);
    expect(
      await triesOf('storeConversation', (client) =>
        client.store({ conversation, messages: [], ifRevision: 1 }),
      ),
    ).toBe(1);
    expect(await triesOf('deleteConversation', (client) => client.delete('x'))).toBe(1);
  });

  it('is not done for other failures', async () => {
    let tries = 0;
    const client = await clientOf({
      getStats: (_call, answer) => {
        tries++;
        answer(failure(status.INTERNAL, 'INTERNAL', { error_id: 'e' }));
      },
    });
    await rejection(client.stats());
    expect(tries).toBe(1);
  });

  it('begins a stream again only while nothing has come of it', async () => {
    let tries = 0;
    const client = await clientOf(
      {},
      {
        retrieveConversation: (call) => {
          tries++;
          if (tries === 2) call.write({ header: { id: 'x' } });
          call.emit('error', unavailable);
        },
      },
    );
    await rejection(all(client.retrieve('x', { encoding: 'text' })));
    expect(tries).toBe(2);
  });

  it('ends with a failure that says that nobody answers', async () => {
    const server = await startFaultServer({});
    server.stop();
    const client = connect({ server: server.address, retry: fewRetries });
    cleanups.push(() => client.close());
    expect(isUnreachable(await rejection(client.stats()))).toBe(true);
  });
});

describe('cancellation', () => {
  it('ends a unary call, before and while it runs', async () => {
    let cancelled = 0;
    const abort = new AbortController();
    const client = await clientOf({
      getStats: (call) => {
        call.on('cancelled', () => cancelled++);
        abort.abort();
      },
    });
    expect(await rejection(client.stats({ signal: abort.signal }))).toMatchObject({ reason: 'CANCELLED' });
    expect(await rejection(client.stats({ signal: abort.signal }))).toMatchObject({ reason: 'CANCELLED' });
    await expect.poll(() => cancelled).toBe(1);
  });

  it('reaches the server when the reader of a stream leaves or aborts', async () => {
    let cancelled = 0;
    const client = await clientOf(
      {},
      {
        retrieveConversation: (call) => {
          call.on('cancelled', () => cancelled++);
          call.write({ header: { id: 'x' } });
        },
      },
    );
    for await (const part of client.retrieve('x', { encoding: 'tokens' })) {
      expect(part.kind).toBe('header');
      break;
    }
    await expect.poll(() => cancelled).toBe(1);

    const abort = new AbortController();
    const reading = client.retrieve('x', { encoding: 'tokens', signal: abort.signal });
    expect((await reading.next()).value).toMatchObject({ kind: 'header' });
    abort.abort();
    expect(await rejection(reading.next())).toMatchObject({ reason: 'CANCELLED' });
    await expect.poll(() => cancelled).toBe(2);
  });

  it('comes by itself after a deadline', async () => {
    const client = await clientOf({ getStats: () => undefined });
    expect(await rejection(client.stats({ timeoutMs: 50 }))).toMatchObject({ reason: 'DEADLINE_EXCEEDED' });
  });
});

describe('numbers', () => {
  it.each(['9007199254740992', '18446744073709551615'])(
    'refuses %s, which would not be exact',
    async (tokens) => {
      const client = await clientOf({ getStats: (_call, answer) => answer(null, { tokens }) });
      await expect(client.stats()).rejects.toThrow(RangeError);
    },
  );

  it('takes the largest that is', async () => {
    const tokens = String(Number.MAX_SAFE_INTEGER);
    const client = await clientOf({ getStats: (_call, answer) => answer(null, { tokens }) });
    expect((await client.stats()).tokens).toBe(Number.MAX_SAFE_INTEGER);
  });
});
