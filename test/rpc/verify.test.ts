import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from './support/server.js';

let server: TestServer;
afterEach(() => server.stop());

describe('VerifyVault', () => {
  it('streams progress, and a summary', async () => {
    server = await startTestServer();
    const { client } = server;
    await client.unary('StoreConversation', { messages: [{ tokens: { ids: [1, 2] } }] });
    const parts = await client.stream('VerifyVault', {});
    expect(parts.at(-1)).toMatchObject({ part: 'summary', summary: { records: 2, violations: 0 } });
    expect(parts.slice(0, -1).every(({ part }) => part === 'progress')).toBe(true);
  });

  it('streams what is wrong', async () => {
    const violation = { invariant: 'frame', subject: 'segment 1', detail: 'has another hash' } as const;
    server = await startTestServer({
      async *verify() {
        yield { kind: 'progress', phase: 'checking', done: 1, total: 2 };
        yield { kind: 'violation', ...violation };
        yield { kind: 'summary', records: 2, repaired: 0, violations: 1 };
      },
    });
    expect(await server.client.stream('VerifyVault', {})).toMatchObject([
      { progress: { records_done: 1, records: 2, phase: 'VERIFY_PHASE_CHECKING' } },
      { violation },
      { summary: { records: 2, violations: 1 } },
    ]);
  });

  it('ends with its call', async () => {
    let ended: () => void;
    const end = new Promise<void>((resolve) => (ended = resolve));
    server = await startTestServer({
      async *verify(_options, signal) {
        try {
          for (let done = 0; ; done++) {
            yield { kind: 'progress', phase: 'checking', done, total: 1_000_000 };
            signal.throwIfAborted();
            await new Promise(setImmediate);
          }
        } finally {
          ended();
        }
      },
    });
    const call = server.client.open('VerifyVault', {});
    const failure = new Promise((resolve) => call.on('error', resolve));
    call.once('data', () => call.cancel());
    expect(await failure).toMatchObject({ code: status.CANCELLED });
    await end;
  });
});

describe('VerifyVault with repair', () => {
  it('streams phases, what was repaired, and what could not be', async () => {
    const repaired = {
      invariant: 'garbage',
      subject: 'segment 2',
      detail: 'it is garbage and referenced',
    } as const;
    const violation = { invariant: 'frame', subject: 'segment 1', detail: 'has another hash' } as const;
    const asked: boolean[] = [];
    server = await startTestServer({
      async *verify({ repair }) {
        asked.push(repair);
        for (const phase of ['checking', 'rebuilding', 'checkingAgain'] as const) {
          yield { kind: 'progress', phase, done: 0, total: 2 };
        }
        yield { kind: 'repaired', ...repaired };
        yield { kind: 'violation', ...violation };
        yield { kind: 'summary', records: 2, repaired: 1, violations: 1 };
      },
    });
    expect(await server.client.stream('VerifyVault', { repair: true })).toMatchObject([
      { progress: { phase: 'VERIFY_PHASE_CHECKING' } },
      { progress: { phase: 'VERIFY_PHASE_REBUILDING' } },
      { progress: { phase: 'VERIFY_PHASE_CHECKING_AGAIN' } },
      { part: 'repaired', repaired },
      { part: 'violation', violation },
      { summary: { records: 2, repaired: 1, violations: 1 } },
    ]);
    expect(asked).toEqual([true]);
  });
});
