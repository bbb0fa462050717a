import { PassThrough, Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCli, type RunningServer } from '../../src/cli/index.js';
import { startTestServer } from './support/start-server.js';
import { dependencies, jsonLines, stowkenAt, type CliResult } from './support/stowken.js';

let server: RunningServer;
let run: (args: readonly string[], stdin?: string) => Promise<CliResult>;
beforeEach(async () => {
  server = await startTestServer();
  run = stowkenAt(server.address);
});
afterEach(() => server.stop());

/** Conversations of repeated phrases; the same ones for the same seed. */
async function fill(seed: number): Promise<void> {
  let state = seed;
  const below = (limit: number) => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) % limit;
  const phrase = (number: number) =>
    Array.from({ length: 12 }, (_, at) => (number * 977 + at * 131) % 50_000);
  const lines = Array.from({ length: 120 }, (_, n) =>
    JSON.stringify({
      id: `c/${seed}/${n}`,
      messages: Array.from({ length: 6 }, () => ({
        role: 'user',
        tokens: [...Array.from({ length: 8 }, () => phrase(below(150))).flat(), below(50_000)],
      })),
    }),
  );
  expect(await run(['import', '-'], lines.join('\n'))).toMatchObject({ code: 0 });
}

const stats = async () => jsonLines((await run(['stats', '--json'])).stdout)[0]!;
const json = async (...flags: string[]) => {
  const { code, stdout, stderr } = await run(['compact', '--json', ...flags]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return jsonLines(stdout)[0] as Record<string, unknown> & { plan: Record<string, unknown> };
};

describe('compact', () => {
  it('shows the plan, does it, and then finds nothing to do', async () => {
    await fill(1);
    const before = await run(['export', '--tokens']);
    const { code, stdout, stderr } = await run(['compact']);
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /^training a registry .*\nplan: [\d,]+ segments of .* to about .* with a new registry of .*; \d+\.\d % of frames and registries saved\n$/,
    );
    expect(stdout).toMatch(
      /^[\d,]+ frames rewritten: .* to .* \(\d+\.\d %\)\nin use: .* to .*, everything counted\n$/,
    );
    expect(await run(['export', '--tokens'])).toEqual(before);
    const again = await run(['compact']);
    expect(again).toMatchObject({ code: 0, stdout: 'not worth it: nothing was changed\n' });
    expect(again.stderr).toMatch(/^training .*\nplan: /);
    expect((await run(['verify'])).code).toBe(0);
  });

  it('changes nothing in a dry run', async () => {
    await fill(2);
    const before = await stats();
    expect(await run(['compact', '--dry-run'])).toMatchObject({
      code: 0,
      stdout: 'dry run: nothing was changed\n',
      stderr: expect.stringMatching(/\nplan: /) as string,
    });
    const { end, plan, segments_done, segments_rewritten } = await json('--dry-run');
    expect({ end, segments_done, segments_rewritten }).toEqual({
      end: 'dry_run',
      segments_done: 0,
      segments_rewritten: 0,
    });
    expect(plan).toMatchObject({
      segments: before['segments'],
      segment_bytes: before['segment_bytes'],
      new_registry: true,
    });
    expect(await stats()).toEqual(before);
    expect(await run(['registries'])).toMatchObject({ code: 0, stdout: 'no registries\n' });
  });

  it('prints figures that are those of the vault', async () => {
    await fill(3);
    const before = await stats();
    const done = await json();
    const after = await stats();
    expect(done).toMatchObject({
      end: 'complete',
      segments_done: before['segments'],
      bytes_before: before['segment_bytes'],
      bytes_after: after['segment_bytes'],
      registry_id: done.plan['registry_id'],
      registries_dropped: [],
      in_use_bytes_before: before['in_use_bytes'],
      in_use_bytes_after: after['in_use_bytes'],
      resume_token: '',
    });
    expect(done['segments_rewritten']).toBeGreaterThan(0);
    expect(after['registry_bytes']).toBe(done.plan['registry_bytes']);
    expect(await json()).toMatchObject({ end: 'not_worth_it', segments_rewritten: 0, bytes_before: 0 });
  });

  it('changes nothing below the part that is asked for, and refuses a part that is none', async () => {
    await fill(4);
    const before = await stats();
    expect(await json('--min-savings', '1')).toMatchObject({ end: 'not_worth_it' });
    expect(await stats()).toEqual(before);
    for (const part of ['-0.1', '1.1', 'x', '']) {
      expect(await run(['compact', '--min-savings', part])).toMatchObject({ code: 2, stdout: '' });
    }
  });

  it('finds nothing to do where nothing is stored, and refuses a token that is none', async () => {
    expect(await json()).toMatchObject({ end: 'not_worth_it' });
    const { code, stderr } = await run(['compact', '--resume', 'nonsense']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/resume_token.*\(INVALID_FIELD\)\n$/);
  });

  it('stops when its time is up, and goes on from there', async () => {
    await fill(7);
    const { stdout } = await run(['compact', '--time-max', '0s']);
    const token = /^stopped early; go on with --resume (\S+)$/m.exec(stdout)?.[1];
    expect(token).toBeDefined();
    expect(await json('--resume', token!)).toMatchObject({ end: 'complete', resume_token: '' });
    expect(await json()).toMatchObject({ end: 'not_worth_it' });
    expect(await run(['compact', '--time-max', 'soon'])).toMatchObject({ code: 2 });
  });

  it.each(['--segments-max', '--bytes-max'])('stops at %s', async (flag) => {
    await fill(8);
    const stopped = await json(flag, '1');
    expect(stopped).toMatchObject({ end: 'budget_reached' });
    expect(await json('--resume', stopped['resume_token'] as string)).toMatchObject({ end: 'complete' });
    expect(await run(['compact', flag, '0'])).toMatchObject({ code: 2 });
  });

  it('shows a bar on a terminal', async () => {
    await fill(5);
    const stderr = Object.assign(new PassThrough(), { isTTY: true, columns: 80, cursorTo: () => true });
    const written: Buffer[] = [];
    stderr.on('data', (chunk: Buffer) => written.push(chunk));
    const io = { stdin: Readable.from([]), stdout: new PassThrough().resume(), stderr, env: {} };
    expect(await runCli({ ...dependencies, io }, ['compact', '--server', server.address])).toBe(0);
    expect(Buffer.concat(written).toString()).toMatch(/plan: .*\n[^]* % · .* to .* left/);
  });
});

describe('registries', () => {
  it('lists them, and what each does', async () => {
    await fill(6);
    expect(await run(['registries', '--json'])).toEqual({ code: 0, stdout: '', stderr: '' });
    const { plan } = await json();
    const { segment_bytes, segments } = await stats();
    const [registry, ...more] = jsonLines((await run(['registries', '--json'])).stdout);
    expect(more).toEqual([]);
    expect(registry).toMatchObject({
      id: plan['registry_id'],
      create_time: expect.stringMatching(/^20.*Z$/) as string,
      bytes: plan['registry_bytes'],
    });
    expect(registry!['segments']).toBeLessThanOrEqual(segments as number);
    expect(registry!['segment_bytes']).toBeLessThanOrEqual(segment_bytes as number);
    expect(registry!['ratio']).toBeGreaterThan(0);
    expect(registry!['ratio']).toBeLessThan(0.5);
    const { stdout } = await run(['registries']);
    const [head, first] = stdout.split('\n');
    expect(head).toMatch(/^ *ID +CREATED +BYTES +SEGMENTS +FRAMES +OF UNIQUE AT 4 BYTES$/);
    expect(first).toMatch(/^ *\d+ +20\S+Z +\S+ \w+ +[\d,]+ +\S+ \w+ +\d+\.\d %$/);
  });
});
