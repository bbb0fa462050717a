import { PassThrough, Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli, type RunningServer } from '../../src/cli/index.js';
import { startTestServer } from './support/start-server.js';
import { dependencies, jsonLines, stowken, stowkenAt, type CliResult } from './support/stowken.js';

let server: RunningServer;
let run: (args: readonly string[], stdin?: string) => Promise<CliResult>;

const conversations = [
  {
    id: 'a/1',
    application: 'support',
    model: 'gpt-4o',
    messages: [
      { role: 'system', content: 'Be kind.' },
      { role: 'user', name: 'Ann', content: 'Hi\u001b[2J there' },
    ],
  },
  {
    id: 'a/2',
    application: 'support',
    model: 'o3',
    metadata: { lang: 'de' },
    messages: [{ role: 'system', content: 'Be kind.' }],
  },
  {
    id: 'b/1',
    application: 'code',
    tokenizer: 'mine',
    messages: [{ role: 'tool', tool_call_id: 'call_1', tokens: [1, 2, 3, 4, 5] }],
  },
];

beforeAll(async () => {
  server = await startTestServer();
  run = stowkenAt(server.address);
  const lines = conversations.map((each) => JSON.stringify(each)).join('\n');
  expect(await run(['import', '--concurrency', '1', '-'], lines)).toMatchObject({ code: 0, stderr: '' });
});
afterAll(() => server.stop());

describe('health', () => {
  it('fails for a vault that there is not, and says so', async () => {
    expect(await run(['health', '--vault', 'nope'])).toMatchObject({ code: 1, stdout: 'no such vault\n' });
    const { code, stdout } = await run(['health', '--vault', 'nope', '--json']);
    expect([code, jsonLines(stdout)]).toEqual([1, [{ vault: 'nope', state: 'no such vault' }]]);
    expect(await run(['health', '--vault', 'default'])).toMatchObject({ code: 0 });
  });
});

describe('the list of vaults', () => {
  it('explains the dash for the creation of the one that is always there', async () => {
    expect((await run(['vault', 'list', '--help'])).stdout).toMatch(/CREATED is a dash/);
  });
});

describe('tokenizers', () => {
  it('lists what the server has, with the models that they belong to', async () => {
    const { code, stdout } = await run(['tokenizers']);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^TOKENIZER +KIND +TOKENS +SHA-256 +MODELS\no200k_base +byte-level BPE +200000 +\w{12} +gpt-4o, /,
    );
    const all = jsonLines((await run(['tokenizers', '--json'])).stdout);
    expect(all).toHaveLength(7);
    expect(all).toContainEqual({
      name: 'gpt2',
      kind: 'byte-level BPE',
      vocabulary_size: 50_257,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      models: ['gpt2', 'gpt-2'],
    });
  });
});

describe('get', () => {
  it('shows a conversation to a person', async () => {
    const { code, stdout } = await run(['get', 'a/1']);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^id +a\/1\napplication +support\nmodel +gpt-4o\ntokenizer +o200k_base\ncreated +20/,
    );
    expect(stdout).toMatch(/\n── system · \d+ tokens ──\nBe kind\.\n\n── user · Ann · \d+ tokens ──\nHi/);
  });

  it('shows tokens where there is no text, or where told to', async () => {
    expect((await run(['get', 'b/1'])).stdout).toMatch(
      /── tool · answers call_1 · 5 tokens ──\n\[1, 2, 3, 4, 5\]\n$/,
    );
    expect((await run(['get', 'a/2', '--tokens'])).stdout).toMatch(/\n\[\d+(, \d+)*\]\n$/);
  });

  it('prints the same JSON as export', async () => {
    const { stdout } = await run(['get', 'a/2', '--json']);
    expect((await run(['export', '--id-prefix', 'a/2'])).stdout).toBe(stdout);
  });

  it('fails for one that is not there', async () => {
    const { code, stdout, stderr } = await run(['get', 'nope', '--json']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^stowken: .*nope.*\(CONVERSATION_NOT_FOUND\)\n$/);
  });
});

describe('list', () => {
  const ids = async (...flags: string[]) =>
    jsonLines((await run(['list', '--json', ...flags])).stdout).map(({ id }) => id);

  it('lists newest first, as many as asked for, and filtered', async () => {
    expect(await ids()).toEqual(['b/1', 'a/2', 'a/1']);
    expect(await ids('--limit', '2')).toEqual(['b/1', 'a/2']);
    expect(await ids('--oldest-first', '--all')).toEqual(['a/1', 'a/2', 'b/1']);
    expect(await ids('--application', 'support', '--model', 'o3')).toEqual(['a/2']);
    expect(await ids('--metadata', 'lang=de')).toEqual(['a/2']);
    expect(await ids('--id-prefix', 'b/')).toEqual(['b/1']);
    expect(await ids('--tokenizer', 'mine')).toEqual(['b/1']);
    expect(await ids('--min-tokens', '5', '--max-tokens', '5')).toEqual(['b/1']);
    expect(await ids('--from', '2999-01-01')).toEqual([]);
    expect(await ids('--before', '2999-01-01T00:00:00+02:00', '--limit', '1')).toEqual(['b/1']);
  });

  it('prints a table for a person', async () => {
    const { stdout } = await run(['list']);
    const [head, first] = stdout.split('\n');
    expect(head).toMatch(/^ID +CREATED +APPLICATION +MODEL +MESSAGES +TOKENS$/);
    expect(first).toMatch(/^b\/1 +20\S+Z +code +1 +5$/);
    expect((await run(['list', '--application', 'none'])).stdout).toBe('no conversations\n');
  });
});

describe('stats', () => {
  it('prints the fields of GetStats as whole numbers', async () => {
    const [stats] = jsonLines((await run(['stats', '--json'])).stdout);
    expect(Object.keys(stats!)).toEqual([
      'conversations',
      'messages',
      'segments',
      'tokens',
      'unique_tokens',
      'raw_bytes',
      'unique_raw_bytes',
      'segment_bytes',
      'registry_bytes',
      'garbage_segments',
      'garbage_bytes',
      'in_use_bytes',
      'file_bytes',
    ]);
    expect(Object.values(stats!).every(Number.isSafeInteger)).toBe(true);
    expect(stats).toMatchObject({ conversations: 3, messages: 4, segments: 6, garbage_segments: 0 });
  });

  it('prints a table for a person', async () => {
    const { stdout } = await run(['stats']);
    expect(stdout).toMatch(/^conversations +3\nmessages +4\n/);
    expect(stdout).toMatch(/unique tokens +\d+ +\d+\.\d % of tokens/);
  });
});

describe('delete and gc', () => {
  it('delete what is named, go on after a failure, and free what nothing else refers to', async () => {
    await run(['import', '-'], '{"id":"-x","messages":[{"role":"user","tokens":[7,7,7]}]}');
    const { code, stdout, stderr } = await run(['delete', 'nope', '--', '-x']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^nope: .*CONVERSATION_NOT_FOUND\)\n$/);
    expect(stdout).toBe('-x: deleted; released 2 segments, 2 segments now garbage\n');
    expect(await run(['delete', '--allow-missing', 'nope'])).toMatchObject({ code: 0, stderr: '' });

    expect((await run(['gc', '--dry-run'])).stdout).toMatch(/^would delete 2 segments, \d+ bytes\n$/);
    const [later] = jsonLines((await run(['gc', '--json', '--min-age', '1h'])).stdout);
    expect(later).toMatchObject({ dry_run: false, planned_segments: 0, segments: 0 });
    const [dry] = jsonLines((await run(['gc', '--json', '--dry-run'])).stdout);
    expect(dry).toMatchObject({ dry_run: true, planned_segments: 2, segments: 0, bytes: 0 });
    const [real] = jsonLines((await run(['gc', '--json'])).stdout);
    expect(real).toEqual({
      ...dry,
      dry_run: false,
      segments: 2,
      bytes: dry!['planned_bytes'],
      kept_segments: 0,
    });
    expect((await run(['gc'])).stdout).toBe('deleted 0 segments, 0 bytes\n');
  });
});

describe('the command line', () => {
  it.each([
    ['no command', []],
    ['an unknown command', ['frobnicate']],
    ['an unknown flag', ['stats', '--verbose']],
    ['a missing argument', ['get']],
    ['too many arguments', ['stats', 'now']],
    ['a number that is none', ['list', '--limit', 'x']],
    ['a number out of range', ['import', '--concurrency', '0', '-']],
    ['a duration that is none', ['gc', '--min-age', 'soon']],
    ['a time that is none', ['list', '--from', 'yesterday']],
    ['a day that no month has', ['list', '--from', '2026-02-30']],
    ['a flag that chooses and is empty', ['delete', '--application', '', '--id-prefix', 'a/', '--dry-run']],
    ['more matches than a search gives', ['find-prefix', '--limit', '101', '-']],
    ['metadata without a value', ['list', '--metadata', 'lang']],
    ['an address that is none', ['stats', '--server', 'http://127.0.0.1:1']],
  ])('exits 2 for %s', async (_what, args) => {
    const { code, stdout, stderr } = await run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).not.toBe('');
    expect(stderr).not.toMatch(/\n +at /);
  });

  it('exits 2 for an address of the environment that is none', async () => {
    const { code, stderr } = await stowken(['stats'], { env: { STOWKEN_SERVER: 'localhost:0' } });
    expect({ code, stderr }).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('STOWKEN_SERVER') as string,
    });
  });

  it('exits 1 and says so when no server answers', async () => {
    const { code, stderr } = await stowken(['stats', '--server', '127.0.0.1:1']);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^stowken: no server answers at 127\.0\.0\.1:1: .*ECONNREFUSED 127\.0\.0\.1:1\.\n$/,
    );
  });

  it('helps with a command, and names one that there is not', async () => {
    expect((await run(['help', 'stats'])).stdout).toBe((await run(['stats', '--help'])).stdout);
    expect((await run(['help', 'vault', 'set'])).stdout).toBe((await run(['vault', 'set', '--help'])).stdout);
    expect((await run(['help'])).stdout).toContain('Commands:');
    const wrong = { code: 2, stdout: '', stderr: "error: unknown command 'frobnicate'\n" };
    expect(await run(['help', 'frobnicate'])).toEqual(wrong);
    expect((await run(['help', 'vault', 'mend'])).stderr).toBe("error: unknown command 'vault mend'\n");
  });

  it('tells its version and helps with examples', async () => {
    expect(await run(['--version'])).toMatchObject({ code: 0, stdout: '1.2.3\n' });
    const all = (await run(['--help'])).stdout.split('Commands:')[1]!.split('\n\n')[0]!;
    const names = [...all.matchAll(/^ {2}([a-z-]+)/gm)].map(([, name]) => name!);
    expect(names.length).toBeGreaterThan(30);
    for (const name of names.filter((each) => each !== 'help')) {
      const { code, stdout } = await run([name, '--help']);
      expect([name, code, /\nExamples?:\n {2}/.test(stdout)]).toEqual([name, 0, true]);
    }
  });

  it('ends quietly when the reader of standard output goes away', async () => {
    const stdout = new PassThrough({ highWaterMark: 1 });
    const stderr = new PassThrough();
    stdout.once('data', () => stdout.destroy(Object.assign(new Error('gone'), { code: 'EPIPE' })));
    const io = { stdin: Readable.from([]), stdout, stderr, env: { STOWKEN_SERVER: server.address } };
    expect(await runCli({ ...dependencies, io }, ['export'])).toBe(0);
    expect(stderr.read()).toBeNull();
  });
});
