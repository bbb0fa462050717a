import { EventEmitter } from 'node:events';
import type { ServerHttp2Session } from 'node:http2';
import pino from 'pino';
import { expect, it } from 'vitest';
import { Connections } from '../../src/rpc/intake/connections.js';

const session = (remoteAddress: string): ServerHttp2Session =>
  Object.assign(new EventEmitter(), {
    socket: { remoteAddress, remotePort: 1 },
    encrypted: false,
  }) as unknown as ServerHttp2Session;

it('gives a relayed connection the client behind it, and no other one', () => {
  const connections = new Connections(10, pino({ level: 'silent' }));
  const origin = { peer: '192.0.2.1:9', certificate: { subject: 'CN=me', names: [], validToMs: Infinity } };
  const relayed = session('127.0.0.1');
  connections.relay(origin, () => void connections.of(relayed));
  expect(connections.of(relayed)).toMatchObject(origin);
  expect(connections.of(session('192.0.2.2'))).toMatchObject({ peer: '192.0.2.2:1', certificate: undefined });

  // One that has no session, for whatever reason, leaves nothing to the next connection.
  expect(() => connections.relay(origin, () => undefined)).toThrow('a relayed connection has its session');
  const broken = () => {
    throw new Error('broken');
  };
  expect(() => connections.relay(origin, broken)).toThrow('broken');
  expect(connections.of(session('192.0.2.3'))).toMatchObject({ peer: '192.0.2.3:1', certificate: undefined });
});
