import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import { limits } from '../../src/model/index.js';
import { method } from '../rpc/support/client.js';
import { frame, Http2Client } from '../rpc/support/http2.js';
import { eventually } from '../support/wait.js';

const statsPath = method('GetStats').path;

it('a low limit of open files is said, holds connections back, and is survived', async () => {
  const main = createRequire(import.meta.url).resolve('#build/programs/main.js');
  const serve = (files: number) => {
    const command = `ulimit -n ${files}; exec "$0" "$@"`;
    const args = [process.execPath, main, 'serve', '--storage', 'memory', '--listen', '127.0.0.1:0'];
    return spawn('sh', ['-c', command, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  };
  const textOf = async (stream: NodeJS.ReadableStream) => {
    let text = '';
    for await (const chunk of stream) text += String(chunk);
    return text;
  };
  const refused = serve(limits.descriptorsKept);
  const [why] = await Promise.all([textOf(refused.stderr), once(refused, 'exit')]);
  expect(why).toContain(`the process may have ${limits.descriptorsKept} open files`);
  expect(refused.exitCode).toBe(1);

  const child = serve(limits.descriptorsKept + 16);
  try {
    let out = '';
    let log = '';
    child.stdout.on('data', (chunk) => (out += String(chunk)));
    child.stderr.on('data', (chunk) => (log += String(chunk)));
    await eventually(() => expect(out).toContain('listening on'));
    expect(log).toContain('no more than 16 connections are taken');
    const address = /listening on (\S+)/.exec(out)![1]!;
    const many = Array.from({ length: 400 }, () => new Http2Client(address));
    await eventually(() => expect(many.some(({ session }) => session.destroyed)).toBe(true));
    for (const client of many) client.destroy();
    await eventually(async () => {
      const client = new Http2Client(address);
      const call = client.begin(statsPath);
      call.stream.end(frame(Buffer.alloc(0)));
      const { 'grpc-status': answer } = await call.status;
      client.destroy();
      expect(answer).toBe('0');
    });
    expect(child.exitCode).toBeNull();
  } finally {
    child.kill('SIGKILL');
  }
});
