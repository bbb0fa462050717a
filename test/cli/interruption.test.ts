import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { ServerHttp2Session } from 'node:http2';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServerUnaryCall, ServerWritableStream } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startFaultServer, type FaultServer } from '../client/support.js';
import { eventually } from '../support/wait.js';

/** Commands as processes, stopped while a server keeps them waiting: it begins each answer and ends none. */

const command = createRequire(import.meta.url).resolve('#build/programs/main.js');
const hasScript = spawnSync('script', ['--version']).status === 0;

const spec = (id: string) => ({
  id,
  tokenizer: 'o200k_base',
  totalTokens: '1',
  messageCount: 1,
  createTime: {},
});
const answers: Readonly<Record<string, readonly object[]>> = {
  CompactSubstrings: [
    { plan: { segments: '900', segmentBytes: '9000', registryId: 1 } },
    {
      progress: {
        segmentsDone: '300',
        segments: '900',
        bytesBefore: '3000',
        bytesAfter: '1000',
        resumeToken: 'abc',
      },
    },
  ],
  CollectGarbage: [{ plan: { segments: '9', bytes: '900' } }, { progress: { segments: '4', bytes: '400' } }],
  EraseConversations: [{ progress: { phase: 'ERASE_PHASE_DELETING', conversations: '6' } }],
  VerifyVault: [{ progress: { recordsDone: '5', records: '10' } }],
  BackupVault: [{ data: Buffer.alloc(1000) }],
  SearchConversations: [{ nextPageToken: '', conversations: '1' }],
  FindDuplicates: [{ conversations: '7' }],
  CountSegmentUses: [{ lookedAt: '8' }],
  ListWarmPrefixes: [{ prefix: { application: 'a', tokenCount: '256', conversations: '2' } }],
  RetrieveConversation: [
    { header: spec('a') },
    {
      chunk: { messageIndex: 0, text: 'hi', endOfMessage: true, message: { role: 'user', tokenCount: '1' } },
    },
  ],
};

let server: FaultServer;
let folder: string;
/** Calls that the server has begun to answer, and those that were cancelled. */
let begun: string[] = [];
let cancelled: string[] = [];
/** Connections of the calls; grpc-js does not expose them. */
const sessions = new Set<ServerHttp2Session>();
const sessionOf = (call: object) =>
  (call as { call: { stream: { session: ServerHttp2Session } } }).call.stream.session;

/**
 * Resolves when the client has read the server's answers so far: it reads and acknowledges pings in order,
 * each in a turn of its event loop.
 */
async function answersArrive(): Promise<void> {
  for (const session of sessions) {
    for (let turn = 0; turn < 5 && !session.destroyed; turn++) {
      await new Promise<void>((resolve) => void session.ping(() => resolve()));
    }
  }
}

beforeAll(async () => {
  const hang = (name: string) => (call: ServerUnaryCall<object, object>) => {
    begun.push(name);
    sessions.add(sessionOf(call));
    call.on('cancelled', () => cancelled.push(name));
  };
  const streams = Object.entries(answers).map(([name, parts]) => [
    name,
    (call: ServerWritableStream<object, object>) => {
      begun.push(name);
      sessions.add(sessionOf(call));
      call.on('cancelled', () => cancelled.push(name));
      for (const part of parts) call.write(part);
    },
  ]);
  const unary = [
    'StoreConversation',
    'AppendMessages',
    'ForkConversation',
    'DeleteConversation',
    'DeleteConversations',
  ];
  server = await startFaultServer({
    ...Object.fromEntries(
      [
        ...unary,
        ...['FindPrefix', 'ListRegistries', 'GetCapabilities'],
        ...['GetUsage', 'ListSharedSegments', 'ListSegmentUses', 'FindSimilar'],
        ...['GetConversation', 'GetRetention'],
      ].map((name) => [name, hang(name)]),
    ),
    ...(Object.fromEntries(streams) as Record<string, ReturnType<typeof hang>>),
    GetStats: (_call: unknown, callback: (error: null, answer: object) => void) =>
      callback(null, { inUseBytes: '100000' }),
    ListConversations: (
      call: ServerUnaryCall<{ pageToken: string }, object>,
      callback: (error: null, answer: object) => void,
    ) => {
      if (call.request.pageToken !== '') hang('ListConversations')(call);
      else callback(null, { conversations: [spec('a')], nextPageToken: 'more' });
    },
  });
});
afterAll(() => server.stop());

const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
  if (folder) rmSync(folder, { recursive: true, force: true });
});

interface Run {
  readonly child: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly ended: Promise<readonly [number | null, NodeJS.Signals | null]>;
}

/**
 * Runs a command in a new folder with two conversations. On a terminal of its own, all output is `stdout`.
 */
function start(args: readonly string[], terminal = false): Run {
  begun = [];
  cancelled = [];
  folder = mkdtempSync(join(tmpdir(), 'stowken-interruption-'));
  writeFileSync(join(folder, 'two.jsonl'), '{"id":"a","messages":[]}\n{"id":"b","messages":[]}\n');
  writeFileSync(join(folder, 'turn.jsonl'), '{"role":"user","content":"hi"}\n');
  const env = { ...process.env, STOWKEN_SERVER: server.address };
  const quoted = [process.execPath, command, ...args].map((word) => `'${word}'`).join(' ');
  const child = terminal
    ? spawn('script', ['-qec', quoted, '/dev/null'], { cwd: folder, env })
    : spawn(process.execPath, [command, ...args], { cwd: folder, env });
  sessions.clear();
  started.push(child);
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  return { child, stdout: () => out, stderr: () => err, ended };
}

async function until(what: () => boolean): Promise<void> {
  await eventually(() => expect(what()).toBe(true));
}

/** Resolves when so many calls are under way, or the output shows their answers. */
const callsUnderWay = (name: string, count = 1) =>
  until(() => begun.filter((each) => each === name).length >= count);

const cases: [string, readonly string[], string, RegExp][] = [
  [
    'import',
    ['import', 'two.jsonl'],
    'StoreConversation',
    /interrupted: 0 conversations stored; 2 stores under way ended/,
  ],
  [
    'append',
    ['append', 'a', 'turn.jsonl'],
    // Text: it asks first which tokenizers may change it.
    'GetCapabilities',
    /interrupted: the server may have added the messages, or not/,
  ],
  ['fork', ['fork', 'a'], 'ForkConversation', /interrupted: the server may have made the fork, or not/],
  [
    'delete',
    ['delete', 'a', 'b'],
    'DeleteConversation',
    /interrupted: deleted 0 of 2 conversations, and perhaps a\n/,
  ],
  ['delete by filter', ['delete', '--all'], 'DeleteConversations', /interrupted: some may be deleted/],
  ['expire', ['expire'], 'DeleteConversations', /interrupted: some may be deleted/],
  ['export', ['export'], 'RetrieveConversation', /interrupted: 0 conversations written/],
  ['list --all', ['list', '--all', '--json'], 'ListConversations', /interrupted: 1 conversation listed/],
  ['search', ['search', 'x'], 'SearchConversations', /interrupted: 0 places found so far/],
  ['get', ['get', 'a'], 'RetrieveConversation', /interrupted: the output is incomplete/],
  ['usage', ['usage'], 'GetUsage', /interrupted/],
  ['prompts', ['prompts'], 'ListSharedSegments', /interrupted/],
  ['similar', ['similar', 'a'], 'FindSimilar', /interrupted/],
  ['warm', ['warm'], 'ListWarmPrefixes', /interrupted: 0 listed so far/],
  [
    'prompts of a hash',
    ['prompts', 'a'.repeat(64)],
    'ListSegmentUses',
    /interrupted: 0 conversations looked at so far/,
  ],
  [
    'prompts of a hash by day',
    ['prompts', 'a'.repeat(64), '--by-day'],
    'CountSegmentUses',
    /interrupted: 8 conversations looked at so far/,
  ],
  ['duplicates', ['duplicates'], 'FindDuplicates', /interrupted: 7 conversations read so far/],
  ['tree', ['tree', 'a'], 'GetConversation', /interrupted/],
  [
    'compact',
    ['compact'],
    'CompactSubstrings',
    /interrupted: 300 of 900 segments looked at, .*; go on with --resume abc/,
  ],
  ['gc', ['gc'], 'CollectGarbage', /interrupted: deleted 4 segments, 400 bytes so far/],
  [
    'erase',
    ['erase', '--label', 'user=7'],
    'EraseConversations',
    /interrupted: 6 conversations deleted, and perhaps more; nothing is proven: call again for the rest/,
  ],
  ['verify', ['verify'], 'VerifyVault', /interrupted: 5 of 10 records looked at/],
  ['backup', ['backup', 'copy'], 'BackupVault', /interrupted: no backup was made: copy\.partial is removed/],
  ['registries', ['registries'], 'ListRegistries', /^stowken: interrupted\n$/],
  ['retention status', ['retention', 'status'], 'GetRetention', /^stowken: interrupted\n$/],
  ['tokenizers', ['tokenizers'], 'GetCapabilities', /^stowken: interrupted\n$/],
];

describe.each(cases)('%s, interrupted', (_what, args, method, words) => {
  it('ends its calls, says what was done, leaves no file and exits 130', async () => {
    const run = start(args);
    await callsUnderWay(method, method === 'StoreConversation' ? 2 : 1);
    await answersArrive();
    run.child.kill('SIGINT');
    expect(await run.ended).toEqual([130, null]);
    expect(run.stderr()).toMatch(words);
    expect(readdirSync(folder).sort()).toEqual(['turn.jsonl', 'two.jsonl']);
    await until(() => cancelled.includes(method));
  });
});

describe('a command that is interrupted', () => {
  it('exits 143 for SIGTERM, with the summary of an import', async () => {
    const run = start(['import', '--json', 'two.jsonl']);
    await callsUnderWay('StoreConversation', 2);
    run.child.kill('SIGTERM');
    expect(await run.ended).toEqual([143, null]);
    expect(JSON.parse(run.stdout())).toMatchObject({ stored: 0, unchanged: 0, failed: 0, cancelled: 2 });
  });

  it.each([
    ['import', ['import', '-']],
    ['append', ['append', 'a', '-']],
    ['find-prefix', ['find-prefix', '-']],
    ['restore', ['restore', '-', '--data', 'made/new']],
  ])('does not wait for standard input: %s', async (what, args) => {
    const run = start(args);
    let taken = false;
    // More than a pipe holds: it is accepted when the command reads. For restore it is an incomplete backup.
    if (what !== 'restore') run.child.stdin!.write(' '.repeat(1024 * 1024), () => (taken = true));
    await until(() => taken || existsSync(join(folder, 'made/new/restoring')));
    run.child.kill('SIGINT');
    expect(await run.ended).toEqual([130, null]);
    expect(run.stderr()).toMatch(/^stowken: interrupted/m);
    expect(readdirSync(folder).filter((name) => !name.endsWith('.jsonl'))).toEqual([]);
  });

  it.each([
    ['migrate', ['migrate', '--storage'], 'the tables are as they were, or of this version'],
    ['copy', ['copy', '--to', 'lmdb:made', '--from'], 'begin the copy again to go on with it'],
  ])('does not wait for a database that does not answer: %s', async (_what, args, words) => {
    const silent = createServer().listen(0, '127.0.0.1');
    let connections = 0;
    silent.on('connection', () => (connections += 1));
    const connected = once(silent, 'connection');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const run = start([...args, `postgres://nobody@127.0.0.1:${port}/none`]);
    const [socket] = (await connected) as [Socket];
    run.child.kill('SIGINT');
    expect(await run.ended).toEqual([130, null]);
    expect(run.stderr()).toBe(`stowken: interrupted: ${words}\n`);
    // It did not try on.
    expect(connections).toBe(1);
    socket.destroy();
    silent.close();
  });

  it('ends at once at the second signal, whatever it waits for', async () => {
    const run = start(['import', 'two.jsonl']);
    await callsUnderWay('StoreConversation', 2);
    run.child.kill('SIGINT');
    run.child.kill('SIGTERM');
    const [code, signal] = await run.ended;
    expect(signal).toBeNull();
    expect([130, 143]).toContain(code);
  });
});

describe.skipIf(!hasScript)('Ctrl-C on a terminal (needs the command script)', () => {
  it.each(cases.filter(([name]) => ['import', 'compact', 'verify', 'backup'].includes(name)))(
    'gives it back with its cursor: %s',
    async (_what, args, method, words) => {
      const run = start(args, true);
      await callsUnderWay(method, method === 'StoreConversation' ? 2 : 1);
      await until(() => run.stdout().includes('\x1b[?25l')); // The bar is visible.
      run.child.stdin!.write('\x03');
      expect(await run.ended).toEqual([130, null]);
      expect(run.stdout()).toMatch(new RegExp(words.source.replace('\\n', '')));
      expect(run.stdout().lastIndexOf('\x1b[?25h')).toBeGreaterThan(run.stdout().lastIndexOf('\x1b[?25l'));
    },
  );
});
