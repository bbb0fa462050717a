import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import pino from 'pino';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { Endpoint, Lifecycle } from '../../src/metrics/index.js';
import { limits } from '../../src/model/index.js';

let endpoint: Endpoint | undefined;
const sockets: Socket[] = [];
const log: string[] = [];

afterEach(() => {
  endpoint?.close();
  for (const socket of sockets.splice(0)) socket.destroy();
});

async function open(given: Partial<Parameters<typeof Endpoint.open>[0]> = {}) {
  endpoint = await Endpoint.open({
    listen: '127.0.0.1:0',
    readiness: () => ({ ready: true, words: 'serving' }),
    metrics: async () => ({ text: 'a 1\n', type: 'text/plain; version=0.0.4; charset=utf-8' }),
    logger: pino({ level: 'error' }, { write: (line) => void log.push(line) }),
    ...given,
  });
  return endpoint.address;
}

async function get(address: string, path: string, init: RequestInit = {}) {
  const response = await fetch(`http://${address}${path}`, init);
  return { status: response.status, text: await response.text() };
}

describe('the port for metrics', () => {
  it('says that the server starts, serves, cannot write, and drains', async () => {
    const lifecycle = new Lifecycle();
    const address = await open({ readiness: () => lifecycle.readiness });
    expect(await get(address, '/readyz')).toEqual({ status: 503, text: 'the server is starting\n' });
    let obstacle = '';
    lifecycle.serve(() => obstacle || undefined);
    expect(await get(address, '/readyz')).toEqual({ status: 200, text: 'serving\n' });
    obstacle = 'the vault default takes no writes: see the log';
    expect(await get(address, '/readyz')).toEqual({ status: 503, text: `${obstacle}\n` });
    lifecycle.drain();
    expect(await get(address, '/readyz')).toEqual({ status: 503, text: 'the server is draining\n' });
    expect(await get(address, '/healthz')).toEqual({ status: 200, text: 'the process lives\n' });
  });

  it('answers nothing else', async () => {
    const address = await open();
    expect(await get(address, '/metrics?x=1')).toEqual({ status: 200, text: 'a 1\n' });
    expect(await get(address, '/metrics', { method: 'HEAD' })).toEqual({ status: 200, text: '' });
    for (const path of ['/', '/metrics/', '/../metrics', '/debug', '//metrics'])
      expect(await get(address, path)).toMatchObject({ status: path === '/../metrics' ? 200 : 404 });
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
      expect(await get(address, '/metrics', { method })).toMatchObject({ status: 405 });
  });

  it('collects once for those who ask at once, and those who ask right after', async () => {
    let collections = 0;
    let requests = 0;
    const count = () => void (requests += 1);
    subscribe('http.server.request.start', count);
    onTestFinished(() => void unsubscribe('http.server.request.start', count));
    let finish: () => void = () => undefined;
    const address = await open({
      metrics: async () => {
        collections += 1;
        await new Promise<void>((resolve) => (finish = resolve));
        return { text: `b ${collections}\n`, type: 'text/plain' };
      },
    });
    const first = get(address, '/metrics');
    await expect.poll(() => collections).toBe(1);
    const others = Array.from({ length: 9 }, () => get(address, '/metrics'));
    await expect.poll(() => requests).toBe(10);
    finish();
    for (const each of [first, ...others]) expect((await each).text).toBe('b 1\n');
    // Another one begins when the last one is old enough, with none before.
    const again = setInterval(() => finish(), 5);
    onTestFinished(() => clearInterval(again));
    await expect.poll(async () => (await get(address, '/metrics')).text).toBe('b 2\n');
    expect(collections).toBe(2);
  });

  it('logs why metrics cannot be collected, and does not tell', async () => {
    const address = await open({ metrics: () => Promise.reject(new Error('the secret reason')) });
    const { status, text } = await get(address, '/metrics');
    expect(status).toBe(500);
    expect(text).not.toContain('secret');
    expect(log.join('')).toContain('the secret reason');
  });

  it('closes connections beyond its limit, and serves on when others have ended', async () => {
    const address = await open();
    const [host, port] = address.split(':');
    const idle = Array.from({ length: limits.metricsConnectionsMax }, () => {
      const socket = connect(Number(port), host);
      sockets.push(socket);
      return socket;
    });
    await Promise.all(idle.map((socket) => once(socket, 'connect')));
    const turnedAway = connect(Number(port), host);
    sockets.push(turnedAway);
    turnedAway.on('error', () => undefined);
    turnedAway.resume();
    await once(turnedAway, 'close');
    await expect(get(address, '/healthz')).rejects.toThrow();
    for (const socket of idle) socket.destroy();
    await expect.poll(() => get(address, '/healthz').catch(() => undefined)).toMatchObject({ status: 200 });
  });
});
