import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeConversations } from '../../src/cli/demo/conversations.js';
import { startServer } from './support/start-server.js';
import { type CliInput, stowken } from './support/stowken.js';

describe('the demo', () => {
  it('stores, checks every token, prints what it took and leaves nothing behind', async () => {
    let audit: string | undefined;
    const startWatched: CliInput['startServer'] = (options, logger) => {
      audit = options.audit?.file;
      return startServer(options, logger);
    };
    const { code, stdout, stderr } = await stowken(['demo'], { startServer: startWatched });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [, stored] = /stored +([\d,]+) tokens of text/.exec(stdout)!;
    expect(stdout).toContain(`every one of ${stored} tokens by SHA-256, and every text`);
    expect(stdout).toMatch(/4 bytes a token +\d/);
    expect(stdout).toMatch(/\d % of [\d,]+ tokens were stored already/);
    const lines = stdout.trimEnd().split('\n').slice(-3);
    expect(lines.every((line) => line.startsWith('  ./stowken '))).toBe(true);
    const [, folder] = /LMDB in (\S+),/.exec(stdout)!;
    expect(existsSync(folder!)).toBe(false);
    expect(audit).toBe(join(folder!, 'audit.jsonl'));
  });

  it('makes the same conversations every time, and others from another seed', () => {
    expect(makeConversations(1)).toEqual(makeConversations(1));
    expect(makeConversations(1)).not.toEqual(makeConversations(2));
    const ids = makeConversations(1).map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThan(200);
  });
});
