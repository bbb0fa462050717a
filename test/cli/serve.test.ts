import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { connect } from '../../src/client/index.js';
import { jsonLines, stowkenAt } from './support/stowken.js';

const command = createRequire(import.meta.url).resolve('#build/programs/main.js');
const folder = mkdtempSync(join(tmpdir(), 'stowken-serve-'));

interface ServerProcess {
  readonly process: ChildProcess;
  readonly address: string;
  /** All of standard error, when the process has ended. */
  readonly log: Promise<string>;
  /** Resolves to the exit code. */
  readonly ended: Promise<number | null>;
}

const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

async function serve(...flags: string[]): Promise<ServerProcess> {
  const child = spawn(process.execPath, [command, 'serve', '--listen', '127.0.0.1:0', ...flags]);
  started.push(child);
  const log = text(child.stderr);
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  const lines = createInterface({ input: child.stdout });
  const [line] = (await Promise.race([
    once(lines, 'line'),
    ended.then(async (code) => expect.fail(`exit code ${code}: ${await log}`)),
  ])) as [string];
  const [, address] = /^listening on (127\.0\.0\.1:\d+)$/.exec(line) ?? expect.fail(line);
  return { process: child, address: address!, log, ended };
}

describe.each(['SIGTERM', 'SIGINT'] as const)('serve, told to stop by %s', (signal) => {
  it('finishes the calls under way, logs to standard error and exits 0', async () => {
    const server = await serve('--storage', 'memory', '--drain-timeout', '600');
    const client = connect({ server: server.address });
    const tokens = Uint32Array.from({ length: 5_000_000 }, (_, index) => index * 859);
    await client.store({ conversation: { id: 'long' }, messages: [{ role: 'user', tokens }] });

    // Far more than the connection's windows hold: the stream is under way when the signal arrives.
    const reading = client.retrieve('long', { encoding: 'tokens' });
    expect((await reading.next()).value).toMatchObject({ kind: 'header' });
    server.process.kill(signal);
    let next = 0;
    for await (const part of reading) {
      if (part.kind !== 'chunk') continue;
      expect(part.tokenOffset).toBe(next);
      expect(
        Buffer.from(part.content!.buffer).equals(
          Buffer.from(tokens.slice(next, next + part.content!.length).buffer),
        ),
      ).toBe(true);
      next += part.content!.length;
    }
    expect(next).toBe(tokens.length);
    expect(await server.ended).toBe(0);
    const log = jsonLines(await server.log);
    expect(log[0]).toMatchObject({
      msg: 'serving',
      storage: 'memory',
      address: server.address,
      workers: 1,
      durability: 'fsync',
      conversations: 0,
      pid: server.process.pid,
      vaultId: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
    });
    expect(log.map(({ msg }) => msg)).toContain('stopping');
    client.close();
  });
});

describe('serve', () => {
  it('keeps what it answered, through a kill and a restart', async () => {
    const first = await serve('--data', folder);
    const line = JSON.stringify({ id: 'kept', messages: [{ role: 'user', content: 'still here' }] });
    expect(await stowkenAt(first.address)(['import', '-'], line)).toMatchObject({ code: 0 });
    first.process.kill('SIGKILL');
    await first.ended;
    const second = await serve('--data', folder);
    const { stdout } = await stowkenAt(second.address)(['export']);
    expect(jsonLines(stdout)).toMatchObject([
      { id: 'kept', messages: [{ role: 'user', content: 'still here' }] },
    ]);
    second.process.kill('SIGTERM');
    expect(await second.ended).toBe(0);
  });

  it('exits 1 when it cannot listen', async () => {
    const server = await serve('--storage', 'memory');
    const child = spawn(process.execPath, [
      command,
      'serve',
      '--storage',
      'memory',
      '--listen',
      server.address,
    ]);
    started.push(child);
    const [stderr, exit] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    expect(exit[0]).toBe(1);
    const lines = stderr.trimEnd().split('\n');
    expect(lines.pop()).toBe(
      `stowken: cannot listen on ${server.address}: listen EADDRINUSE: address already in use ${server.address}`,
    );
    // All other output is its log.
    for (const line of lines) expect(JSON.parse(line)).toHaveProperty('level');
  });
});
