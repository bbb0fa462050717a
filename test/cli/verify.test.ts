import type { ServerWritableStream } from '@grpc/grpc-js';
import { PassThrough, Readable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { runCli } from '../../src/cli/index.js';
import { startFaultServer } from '../client/support.js';
import { startTestServer } from './support/start-server.js';
import { dependencies, stowkenAt } from './support/stowken.js';

let stop: () => unknown = () => undefined;
afterEach(() => stop());

/** Starts a server whose vault yields these parts of a verification. */
async function serverTelling(...parts: object[]): Promise<string> {
  const server = await startFaultServer({
    VerifyVault: (call: ServerWritableStream<object, object>) => {
      for (const part of parts) call.write(part);
      call.end();
    },
  });
  stop = server.stop;
  return server.address;
}

const progress = { progress: { recordsDone: 5, records: 9 } };
const violations = [
  { invariant: 'frame', subject: 'segment 7', detail: 'has another hash' },
  { invariant: 'manifest', subject: 'conversation a\u001b[2J', detail: 'does not decode' },
];
const damaged = [
  progress,
  ...violations.map((violation) => ({ violation })),
  { summary: { records: 9, violations: 2 } },
];

describe('verify', () => {
  it('says that all is whole', async () => {
    const server = await startTestServer();
    stop = () => server.stop();
    const run = stowkenAt(server.address);
    await run(['import', '-'], '{"messages":[{"role":"user","tokens":[1,2]}]}');
    expect(await run(['verify'])).toEqual({
      code: 0,
      stdout: 'looked at 3 records: all whole\n',
      stderr: '',
    });
    expect(await run(['verify', '--json'])).toEqual({
      code: 0,
      stdout: '{"records":3,"repaired":[],"violations":[],"notes":[]}\n',
      stderr: '',
    });
  });

  it('names what is odd, and does not fail for it', async () => {
    const note = { subject: 'conversation a\u001b[2J', detail: 'is of tomorrow' };
    const run = stowkenAt(await serverTelling({ note }, { summary: { records: 9 } }));
    expect(await run(['verify'])).toEqual({
      code: 0,
      stdout: 'note: conversation a\\u{1b}[2J is of tomorrow\nlooked at 9 records: all whole\n',
      stderr: '',
    });
    expect(JSON.parse((await run(['verify', '--json'])).stdout)).toMatchObject({
      violations: [],
      notes: [note],
    });
  });

  it('names what is wrong, and fails', async () => {
    const run = stowkenAt(await serverTelling(...damaged));
    expect(await run(['verify'])).toEqual({
      code: 1,
      stdout:
        'frame: segment 7: has another hash\n' +
        'manifest: conversation a\\u{1b}[2J: does not decode\n' +
        'looked at 9 records: 2 violations\n',
      stderr: 'stowken: the vault is not whole: 2 violations\n',
    });
    const { code, stdout } = await run(['verify', '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual({ records: 9, repaired: [], notes: [], violations });
  });

  it('fails when it was not told all', async () => {
    const run = stowkenAt(await serverTelling(progress));
    expect(await run(['verify'])).toMatchObject({ code: 1, stdout: '', stderr: /ended .* early/ });
  });

  it('shows a bar on a terminal', async () => {
    const server = await serverTelling(...damaged);
    const stderr = Object.assign(new PassThrough(), { isTTY: true, columns: 80, cursorTo: () => true });
    const written: Buffer[] = [];
    stderr.on('data', (chunk: Buffer) => written.push(chunk));
    const io = { stdin: Readable.from([]), stdout: new PassThrough().resume(), stderr, env: {} };
    const code = await runCli({ ...dependencies, io }, ['verify', '--server', server]);
    expect(code).toBe(1);
    expect(Buffer.concat(written).toString()).toContain('5 of 9 records');
  });
});
