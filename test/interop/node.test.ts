import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import type { ConnectOptions, StowkenClient } from 'stowken-server';
import { describe, expect, it } from 'vitest';
import { connect } from '../../src/client/index.js';
import { startTestServer } from '../cli/support/start-server.js';

const example = resolve(import.meta.dirname, '../../examples/node/client.mjs');

/** The package's types, imported by its name as its users do, are those of the client. */
const typed: (options: ConnectOptions) => StowkenClient = connect;

describe('the Node example', () => {
  it('stores, appends, forks, reads and finds, against a real server', async () => {
    const server = await startTestServer();
    const client = typed({ server: server.address });
    try {
      const { stdout } = await promisify(execFile)(process.execPath, [example, server.address]);
      expect(stdout.split('\n')).toEqual([
        'stored 13 tokens, revision 1',
        'appended, 2013 tokens now',
        'forked, 0 new segments',
        'read back: every token equal',
        'node/run-1 shares the first 2013 tokens',
        'node/run-3: CONVERSATION_NOT_FOUND',
        '',
      ]);
      const { conversation } = await client.get('node/run-2');
      expect(conversation).toMatchObject({ parentId: 'node/run-1', totalTokens: 13, messageCount: 2 });
    } finally {
      client.close();
      await server.stop();
    }
  });
});
