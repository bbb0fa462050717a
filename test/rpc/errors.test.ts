import { status } from '@grpc/grpc-js';
import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { type Reason, reasons, receivedError, StowkenError } from '../../src/model/index.js';
import { codeOf, toCallFailure } from '../../src/rpc/errors.js';
import { refusal } from './support/client.js';

const silent = pino({ level: 'silent' });
const send = (error: unknown) => refusal(toCallFailure(error, silent));

describe('what a client is told of a failure', () => {
  const tellable = reasons.filter((reason) => codeOf[reason] !== status.INTERNAL);

  it.each(tellable)('%s keeps its reason, message and facts', (reason: Reason) => {
    const told = send(receivedError(reason, 'what is wrong', { field: 'id' }));
    expect(told).toMatchObject({
      code: codeOf[reason],
      details: 'what is wrong',
      reason,
      domain: 'stowken.dev',
      metadata: { field: 'id' },
    });
    expect(told.code).not.toBe(status.OK);
  });

  it('says nothing of an unexpected failure but an id that the log has too', () => {
    const secrets = [
      new TypeError('secret'),
      'secret',
      undefined,
      { secret: true },
      new StowkenError('SEGMENT_MISSING', 'secret', { hashes: 'secret' }),
      receivedError('INTERNAL', 'secret', { secret: 'secret' }),
    ];
    for (const secret of secrets) {
      const lines: string[] = [];
      const failure = toCallFailure(secret, pino({ level: 'error' }, { write: (line) => lines.push(line) }));
      const told = refusal(failure);
      expect(told).toMatchObject({ code: status.INTERNAL, reason: 'INTERNAL' });
      expect(Object.keys(told.metadata)).toEqual(['error_id']);
      expect(JSON.stringify([failure, told])).not.toContain('secret');
      expect(lines).toHaveLength(1);
      expect(lines[0]).toContain(told.metadata['error_id']);
    }
  });

  it('fits into the trailers that every client takes, however long the facts', () => {
    const long = '\u{1f600}ü\u0000'.repeat(10_000);
    const failure = toCallFailure(new StowkenError('INVALID_FIELD', long, { field: long }), silent);
    const trailers = Object.entries(failure.metadata.toHttp2Headers()).flat().join('');
    expect(encodeURI(failure.details).length + trailers.length).toBeLessThan(8192);
    expect(long.startsWith(send(receivedError('INVALID_FIELD', long)).details)).toBe(true);
  });

  it('can send what is no Unicode text', () => {
    const told = send(new StowkenError('INVALID_FIELD', 'lone \ud800 surrogate', { field: '\udc00' }));
    expect(told.details).toBe('lone \ufffd surrogate');
    expect(told.metadata['field']).toBe('\ufffd');
  });
});
