import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningServer } from '../../src/cli/index.js';
import { startTestServer } from './support/start-server.js';
import { jsonLines, stowkenAt, type CliResult } from './support/stowken.js';

let server: RunningServer;
let run: (args: readonly string[], stdin?: string | Buffer) => Promise<CliResult>;
beforeAll(async () => {
  server = await startTestServer();
  run = stowkenAt(server.address);
});
afterAll(() => server.stop());

/** Characters that act on a terminal, or hide in one. */
const nasty = '\u001b[2J\u0085\u009b1m\u061c\u200e\u202e\u2066\u2028\u2029\n';
const acting = /[^\n\P{Cc}]|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]/u;

describe('--json', () => {
  it('of import, append, fork and delete has the fields of the contract', async () => {
    const lines = '{"id":"a","messages":[{"role":"user","tokens":[1,2]}]}\nbad\n[]\n';
    const { code, stdout } = await run(['import', '--json', '-'], lines);
    expect(code).toBe(1);
    expect(jsonLines(stdout)).toMatchObject([
      { stored: 1, unchanged: 0, failed: 2, cancelled: 0, tokens: 2, new_tokens: 2 },
    ]);
    const [{ failures }] = jsonLines(stdout) as [{ failures: { reason: string; count: number }[] }];
    expect(failures).toEqual([{ reason: 'not a JSON object', count: 2 }]);
    const [again] = jsonLines((await run(['import', '--json', '-'], lines)).stdout);
    expect(again).toMatchObject({ stored: 0, unchanged: 1, failed: 2 });

    const [appended] = jsonLines(
      (await run(['append', 'a', '-', '--json'], '{"role":"user","tokens":[3]}')).stdout,
    );
    expect(appended).toMatchObject({
      conversation: { id: 'a', revision: 2, message_count: 2, total_tokens: 3 },
      total_segments: 1,
      new_segments: 1,
      deduped_segments: 0,
      new_tokens: 1,
    });
    const [forked] = jsonLines((await run(['fork', 'a', 'b', '--messages', '1', '--json'])).stdout);
    expect(forked).toMatchObject({
      conversation: { id: 'b', parent_id: 'a', message_count: 1 },
      new_segments: 0,
    });

    const deleted = await run(['delete', '--json', 'b', 'nope']);
    expect(deleted.code).toBe(1);
    expect(jsonLines(deleted.stdout)).toEqual([
      { id: 'b', missing: false, released_references: 2, garbage_segments: 0 },
    ]);
    const [many] = jsonLines((await run(['delete', '--json', '--all'])).stdout);
    expect(many).toMatchObject({ dry_run: false, conversations: 1, missing: 0, changed: 0, damaged: [] });
  });

  it('is taken by every command that prints a result', async () => {
    const without = new Set([
      ...['stowken', 'serve', 'token', 'vault', 'config', 'completion', 'export', 'demo', 'help'],
    ]);
    const { stdout } = await run(['help']);
    const names = [...stdout.matchAll(/^ {2}([a-z-]+) .*\S$/gm)]
      .map(([, name]) => name!)
      .filter((name) => !name.startsWith('-'));
    expect(names).toContain('find-prefix');
    for (const name of names.filter((each) => !without.has(each)))
      expect((await run(['help', name])).stdout, name).toContain('--json');
    for (const name of ['create', 'list', 'show', 'set', 'delete'])
      expect((await run(['vault', name, '--help'])).stdout, name).toContain('--json');
  });
});

describe('characters that act on a terminal', () => {
  it('reach no output of a command raw, and come back from JSON as they were', async () => {
    const id = `x${nasty}`;
    const record = {
      id,
      application: nasty.trim(),
      model: nasty.trim(),
      metadata: { [nasty]: nasty },
      messages: [{ role: nasty, name: nasty, tool_call_id: nasty, content: `a${nasty}` }],
    };
    expect(await run(['import', '-'], JSON.stringify(record))).toMatchObject({ code: 0 });
    const outputs = await Promise.all(
      [
        ['export'],
        ['list'],
        ['list', '--json'],
        ['get', id, '--json'],
        ['get', `no${nasty}`],
        ['fork', id, `y${nasty}`],
        ['fork', id, `z${nasty}`, '--json'],
        ['delete', `y${nasty}`, `no${nasty}`],
        [`no${nasty}`],
        ['stats', `--no${nasty}`],
        ['import', `/no${nasty}`],
      ].map((args) => run(args)),
    );
    for (const { stdout, stderr } of outputs) expect(stdout + stderr).not.toMatch(acting);
    expect(jsonLines(outputs[0]!.stdout)[0]).toMatchObject({
      id,
      messages: [{ role: nasty, content: `a${nasty}` }],
    });
    expect(jsonLines(outputs[2]!.stdout)[0]).toMatchObject({ id, metadata: { [nasty]: nasty } });
  });
});

describe('an import with many failures', () => {
  it('shows the first of each kind, and counts the others', async () => {
    const lines = `${'bad\n'.repeat(50_000)}${'{]}\n'.repeat(3)}`;
    const { code, stdout, stderr } = await run(['import', '-'], lines);
    expect(code).toBe(1);
    expect(stdout).toMatch(/failed 50,003\n/);
    const shown = stderr.trimEnd().split('\n');
    expect(shown).toHaveLength(3);
    expect(shown[0]).toMatch(
      /^<stdin>:1: not a JSON object: it begins with "b"; JSON lines, JSON or Parquet are expected$/,
    );
    expect(shown[1]).toMatch(/^<stdin>:50001: not JSON: /);
    expect(shown[2]).toBe('50,003 failures: 50,000 × not a JSON object, 3 × not JSON');
  });

  it('shows as many as asked for', async () => {
    const none = await run(['import', '--errors-max', '0', '-'], 'bad\nbad\n');
    expect(none.stderr).toBe('2 failures, which are not shown (see --errors-max): 2 × not a JSON object\n');
    const all = await run(['import', '--errors-max', '2', '-'], 'bad\nbad\n');
    expect(all.stderr).toMatch(/^<stdin>:1: .*\n2 failures: 2 × not a JSON object\n$/);
  });
});
