import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTimeOf } from '../../../src/cli/import/shapes/create-time.js';
import type { Json } from '../../../src/cli/import/shapes/index.js';
import type { RunningServer } from '../../../src/cli/index.js';
import { startTestServer } from '../support/start-server.js';
import { jsonLines, stowkenAt } from '../support/stowken.js';

const nowMs = Date.UTC(2026, 0, 1);
const began = Date.UTC(2024, 4, 1, 10, 30);
const messages = [{ role: 'user', content: 'x' }];

describe('the time of a document', () => {
  it.each<[string, Json, ReturnType<typeof createTimeOf>]>([
    ['RFC 3339', { created_at: '2024-05-01T10:30:00Z' }, began],
    ['an offset', { created_at: '2024-05-01T12:30:00+02:00' }, began],
    ['seconds', { created: began / 1000 }, began],
    ['seconds with a fraction', { create_time: began / 1000 + 0.25 }, began + 250],
    ['milliseconds', { timestamp: began }, began],
    ['digits', { timestamp: String(began / 1000) }, began],
    ['the answer of a batch', { custom_id: 'a', response: { body: { created: began / 1000 } } }, began],
    ['a chat in a document', { chat: { timestamp: began, messages } }, began],
    [
      'its first message',
      { messages: [{ role: 'system' }, { role: 'user', timestamp: began / 1000 }] },
      began,
    ],
    ['a list of messages', [{ role: 'user', createdAt: '2024-05-01T10:30:00.000Z' }], began],
    [
      'its own time before that of a message',
      { created: began, messages: [{ timestamp: 1_800_000_000 }] },
      began,
    ],
    ['no zone', { created_at: '2024-05-01 10:30:00' }, 'no zone'],
    ['a time after one without zone', { created_at: '2024-05-01', timestamp: began }, began],
    ['the future', { created_at: '2030-01-01T00:00:00Z' }, 'out of range'],
    ['a time before 1970', { created_at: '1969-01-01T00:00:00Z' }, 'out of range'],
    ['a duration', { time: 12.5 }, undefined],
    ['nothing', { created: 0 }, undefined],
    ['a word', { created_at: 'yesterday' }, undefined],
    ['none', { messages }, undefined],
  ])('is found: %s', (_what, document, expected) => {
    expect(createTimeOf(document, undefined, nowMs)).toBe(expected);
  });

  it('has the zone that is stated', () => {
    expect(createTimeOf({ created_at: '2024-05-01 12:30' }, '+02:00', nowMs)).toBe(began);
    expect(createTimeOf({ created_at: '2024-05-01' }, 'Z', nowMs)).toBe(Date.UTC(2024, 4, 1));
  });
});

describe('import of times', () => {
  let server: RunningServer;
  let run: ReturnType<typeof stowkenAt>;
  let folder: string;
  beforeAll(async () => {
    server = await startTestServer();
    run = stowkenAt(server.address);
  });
  afterAll(() => server.stop());
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'stowken-times-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const write = (...lines: object[]) => {
    const file = join(folder, 'lines.jsonl');
    writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    return file;
  };
  const listed = async (...args: string[]) =>
    jsonLines((await run(['list', '--json', ...args])).stdout).map(({ id }) => id);

  it('lists, counts and gives back conversations by the times of their lines', async () => {
    const lines = [
      { id: 'may', created_at: '2024-05-01T10:30:00Z', messages },
      { id: 'june', create_time: 1_717_200_000, messages },
      { id: 'april', timestamp: '2024-04-01 08:00', messages },
      { id: 'none', messages },
    ];
    const imported = await run(['import', '--time-zone', '+02:00', write(...lines)]);
    expect(imported.code).toBe(0);
    expect(await listed('--oldest-first')).toEqual(['april', 'may', 'june', 'none']);
    expect(await listed('--from', '2024-04-15', '--before', '2024-05-15')).toEqual(['may']);
    const usage = await run([
      'usage',
      '--by',
      'day',
      '--since',
      '2024-01-01',
      '--until',
      '2025-01-01',
      '--json',
    ]);
    expect(JSON.stringify(jsonLines(usage.stdout))).toMatch(/2024-04-01.*2024-05-01.*2024-06-01/);
    const exported = await run(['export', '--format', 'same']);
    const byId = new Map(jsonLines(exported.stdout).map((line) => [line['id'], line]));
    expect(lines.map(({ id }) => byId.get(id))).toEqual(lines);
    const again = await run(['import', '--time-zone', '+02:00', '--json', write(...lines)]);
    expect(JSON.parse(again.stdout)).toMatchObject({ stored: 0, unchanged: 4, failed: 0 });
  });

  it('says which times are not used, and keeps them', async () => {
    const lines = [
      { id: 'local', created_at: '2024-05-01 10:30:00', messages },
      { id: 'ahead', created_at: '2124-05-01T10:30:00Z', messages },
    ];
    const { stdout } = await run(['import', write(...lines)]);
    expect(stdout).toMatch(/the times of 1 conversation name no zone: kept as fields.*--time-zone/);
    expect(stdout).toMatch(/the times of 1 conversation are before 1970 or in the future/);
    const exported = jsonLines((await run(['export', '--format', 'same', '--id-prefix', 'local'])).stdout);
    expect(exported).toEqual([lines[0]]);
  });

  it('gives a conversation the earliest of the times that its lines name', async () => {
    const grown = [...messages, { role: 'assistant', content: 'y' }];
    await run(['import', write({ id: 'grows', messages })]);
    await run(['import', write({ id: 'grows', created_at: '2024-05-01T10:30:00Z', messages })]);
    await run(['import', write({ id: 'grows', created_at: '2024-05-03T10:30:00Z', messages: grown })]);
    const [conversation] = jsonLines((await run(['list', '--json', '--id-prefix', 'grows'])).stdout);
    expect(conversation).toMatchObject({ create_time: '2024-05-01T10:30:00.000Z', message_count: 2 });
  });
});
