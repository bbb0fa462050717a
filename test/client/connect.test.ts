import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { connect, isClientError, parseAddress, type ConnectOptions } from '../../src/client/index.js';
import { startFaultServer } from './support.js';

describe('an address', () => {
  it.each([
    ['localhost', 'localhost:7411'],
    ['127.0.0.1', '127.0.0.1:7411'],
    ['127.0.0.1:80', '127.0.0.1:80'],
    ['[::1]', '[::1]:7411'],
    ['[::1]:65535', '[::1]:65535'],
    ['db-1.my_net.example:0099', 'db-1.my_net.example:99'],
    ['unix:/run/stowken.sock', 'unix:/run/stowken.sock'],
    ['unix:///run/stowken.sock', 'unix:/run/stowken.sock'],
  ])('%s is %s', (text, address) => {
    expect(parseAddress(text)).toBe(address);
  });

  it.each([
    ['', /empty/],
    [' ', /empty/],
    ['http://127.0.0.1:7411', /^http:\/\/ does not belong to an address: write 127\.0\.0\.1:7411$/],
    ['http://', /write 127\.0\.0\.1:7411/],
    ['https://example.com', /write example\.com, and an option for TLS/],
    ['grpc://a:1/path', /write a:1$/],
    ['dns:///a:1', /does not belong/],
    ['::1', /in brackets: \[::1\]:7411/],
    ['::1:7411', /in brackets/],
    ['1:2:3', /not an address/],
    ['7411', /not an address/],
    [':7411', /not an address/],
    ['a b:1', /not an address/],
    ['user@host:1', /not an address/],
    ['127.0.0.300:1', /not an address/],
    ['[::x]:1', /not an address/],
    ['localhost:', /not a port/],
    ['localhost:0', /ports are 1 to 65535/],
    ['localhost:65536', /not a port/],
    ['localhost:-1', /not a port/],
    ['localhost:1e3', /not a port/],
    ['unix:', /names no socket/],
    ['unix:relative', /whole path/],
    [`unix:/${'x'.repeat(107)}`, /107 bytes at most, and this one has 108/],
  ])('is not %j', (text, message) => {
    expect(() => parseAddress(text)).toThrow(message);
  });

  it('of a server may have port 0', () => {
    expect(parseAddress('127.0.0.1:0', { portMin: 0 })).toBe('127.0.0.1:0');
  });
});

describe('connect', () => {
  const server = '127.0.0.1:1';
  it.each<[string, string, object]>([
    ['no options', 'options', undefined as unknown as object],
    ['no server', 'server', {}],
    ['a server that is a number', 'server', { server: 7411 }],
    ['a server with a scheme', 'server', { server: 'http://127.0.0.1:7411' }],
    ['an unknown option', 'tokens', { server, tokens: 'x' }],
    ['an empty token', 'token', { server, token: '' }],
    ['a token that no header can have', 'token', { server, token: 'a b' }],
    ['a token without TLS to another machine', 'token', { server: 'db.example.com', token: 'x' }],
    ['a token without TLS to all addresses', 'token', { server: '0.0.0.0', token: () => 'x' }],
    ['an authority that is not PEM', 'tls.ca', { server, tls: { ca: 'x' } }],
    ['a certificate without its key', 'tls', { server, tls: { cert: '-----BEGIN CERTIFICATE-----' } }],
    ['an unknown option of TLS', 'tls.insecure', { server, tls: { insecure: true } }],
    ['an unknown option of retry', 'retry.attempts', { server, retry: { attempts: 1 } }],
    ['half a retry', 'retry.backoffMs', { server, retry: { attemptsMax: 1 } }],
    ['no attempt', 'retry.attemptsMax', { server, retry: { attemptsMax: 0, backoffMs: 1 } }],
    [
      'attempts that are no number',
      'retry.attemptsMax',
      { server, retry: { attemptsMax: '3', backoffMs: 1 } },
    ],
    ['a negative wait', 'retry.backoffMs', { server, retry: { attemptsMax: 1, backoffMs: -1 } }],
    ['a wait that never ends', 'retry.backoffMs', { server, retry: { attemptsMax: 1, backoffMs: Infinity } }],
    ['a retry that is a number', 'retry', { server, retry: 3 }],
    ['a retry that is a bigint', 'retry', { server, retry: 5n }],
    ['a negative size', 'receiveBytesMax', { server, receiveBytesMax: -1 }],
    ['a size that is none', 'receiveBytesMax', { server, receiveBytesMax: Number.NaN }],
    ['a vault that is a number', 'vault', { server, vault: 1 }],
    ['a signal that is none', 'signal', { server, signal: {} }],
  ])('refuses %s, and names it', (_what, field, options) => {
    const attempt = () => connect(options as ConnectOptions);
    expect(attempt).toThrow(
      expect.objectContaining({
        name: 'ClientError',
        code: status.INVALID_ARGUMENT,
        reason: 'INVALID_FIELD',
        metadata: { field },
        message: expect.stringMatching(new RegExp(`^${field.replace('.', '\\.')}: .`)) as string,
      }),
    );
  });

  it('names what there is beside an option that there is not', () => {
    expect(() => connect({ server, retry: { attempts: 1 } as never })).toThrow(/attemptsMax, backoffMs/);
    expect(() => connect({ server, sever: 'x' } as ConnectOptions)).toThrow(
      /server, vault, tls, token, receiveBytesMax, retry, signal/,
    );
  });

  it.each([-1, Number.NaN, Infinity, '5' as unknown as number])(
    'refuses a call with timeoutMs %s',
    async (timeoutMs) => {
      const client = connect({ server });
      await expect(client.stats({ timeoutMs })).rejects.toMatchObject({
        reason: 'INVALID_FIELD',
        metadata: { field: 'timeoutMs' },
      });
      client.close();
    },
  );

  it('ends every call when its signal aborts, and begins none after', async () => {
    const hanging = await startFaultServer({ GetStats: () => undefined, BackupVault: () => undefined });
    const controller = new AbortController();
    const client = connect({ server: hanging.address, signal: controller.signal });
    const calls = [
      client.stats(),
      client.stats({ signal: new AbortController().signal }),
      client.backup().next(),
    ];
    const ended = Promise.allSettled(calls);
    await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    for (const each of [...(await ended), ...(await Promise.allSettled([client.stats()]))]) {
      expect(each.status === 'rejected' && isClientError(each.reason, 'CANCELLED')).toBe(true);
    }
    client.close();
    hanging.stop();
  });

  it('does not wait to try again after its signal has aborted', async () => {
    const controller = new AbortController();
    const client = connect({
      server,
      retry: { attemptsMax: 1000, backoffMs: 1_000_000 },
      signal: controller.signal,
    });
    const call = client.stats();
    call.catch(() => undefined);
    setTimeout(() => controller.abort(), 50);
    await expect(call).rejects.toThrow();
    client.close();
  });
});
