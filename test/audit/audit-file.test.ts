import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type AuditEvent, AuditFile, Auditor, type RecordedEvent } from '../../src/audit/index.js';
import { limits } from '../../src/model/index.js';

let folder: string;
let file: string;
let errors: unknown[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stowken-audit-'));
  file = join(folder, 'audit.jsonl');
  errors = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

const open = (bytesMax = 2 ** 20, filesMax = 3) =>
  AuditFile.open({ file, bytesMax, filesMax, onError: (error) => errors.push(error) });

const event = (id: string, more: Partial<AuditEvent> = {}): AuditEvent => ({
  timeMs: 1_800_000_000_000,
  identity: 'ci',
  peer: '127.0.0.1:1',
  method: 'ConversationService.DeleteConversation',
  vault: 'default',
  ids: [id],
  idCount: 1,
  result: 'OK',
  repeated: 0,
  ...more,
});

const idsOf = (events: readonly RecordedEvent[]) => events.map(({ ids }) => ids[0]);
const names = () => readdirSync(folder).sort();

describe('the audit log', () => {
  it('gives events newest first, over all its files, a page at a time', async () => {
    const log = await open(600, 100);
    for (let n = 0; n < 30; n++) log.record(event(`c${n}`));
    const all = await log.list({ limit: 1000 });
    expect(idsOf(all.events)).toEqual(Array.from({ length: 30 }, (_, n) => `c${29 - n}`));
    expect(all.events.map(({ number }) => number)).toEqual(Array.from({ length: 30 }, (_, n) => 30 - n));
    expect(all.next).toBeUndefined();
    expect(names().length).toBeGreaterThan(5);
    const paged: RecordedEvent[] = [];
    for (let before: number | undefined; ;) {
      const page = await log.list({ limit: 7, before });
      paged.push(...page.events);
      // New events do not move what is already paged through.
      log.record(event('new'));
      if (page.next === undefined) break;
      before = page.next;
    }
    expect(idsOf(paged)).toEqual(idsOf(all.events));
    await log.close();
  });

  it('keeps so many files of such a size', async () => {
    const log = await open(1000, 3);
    for (let n = 0; n < 100; n++) {
      log.record(event(`c${n}`));
      if (n % 7 === 0) await log.list({ limit: 1 });
    }
    await log.close();
    expect(names()).toEqual(['audit.jsonl', 'audit.jsonl.1', 'audit.jsonl.2']);
    for (const name of names()) {
      const path = join(folder, name);
      expect(statSync(path).size).toBeLessThanOrEqual(1000);
      expect(statSync(path).mode & 0o777).toBe(0o600);
      for (const line of readFileSync(path, 'utf8').trimEnd().split('\n'))
        expect(JSON.parse(line)).toBeDefined();
    }
    const again = await open(1000, 3);
    const { events } = await again.list({ limit: 1000 });
    expect(events[0]).toMatchObject({ ids: ['c99'], number: 100 });
    again.record(event('after'));
    expect((await again.list({ limit: 1 })).events[0]).toMatchObject({ ids: ['after'], number: 101 });
    await again.close();
  });

  it('finds events by vault, caller and time', async () => {
    const log = await open();
    log.record(event('a', { vault: 'team-a', timeMs: 1000 }));
    log.record(event('b', { identity: 'ann', timeMs: 2000 }));
    log.record(
      event('c', { identity: undefined, vault: undefined, timeMs: 3000, result: 'UNAUTHENTICATED' }),
    );
    const found = async (query: object) => idsOf((await log.list({ limit: 10, ...query })).events);
    expect(await found({ vault: 'team-a' })).toEqual(['a']);
    expect(await found({ identity: 'ann' })).toEqual(['b']);
    expect(await found({ startMs: 2000 })).toEqual(['c', 'b']);
    expect(await found({ endMs: 2000 })).toEqual(['a']);
    expect(await found({ startMs: 1001, endMs: 3000 })).toEqual(['b']);
    await log.close();
  });

  it('escapes characters that act on a terminal, and gives them back', async () => {
    const log = await open();
    const id = 'a\u001b[2J\nb\u202ec';
    log.record(event(id, { identity: 'x\u0007' }));
    const { events } = await log.list({ limit: 1 });
    expect(events[0]).toMatchObject({ ids: [id], identity: 'x\u0007' });
    expect(readFileSync(file, 'utf8')).toMatch(/^[\x20-\x7e]+\n$/);
    await log.close();
  });

  it('goes on after a line that a crash has cut off', async () => {
    const log = await open();
    log.record(event('a'));
    await log.close();
    appendFileSync(file, '{"number":2,"time":"20');
    const again = await open();
    again.record(event('b'));
    const { events } = await again.list({ limit: 10 });
    expect(events).toMatchObject([
      { ids: ['b'], number: 2 },
      { ids: ['a'], number: 1 },
    ]);
    await again.close();
  });

  it('keeps events while the disk refuses them, up to a bound, and says how many are lost', async () => {
    const log = await open();
    rmSync(file);
    mkdirSync(file);
    log.record(event('first'));
    await vi.waitFor(() => expect(errors).toHaveLength(1), { timeout: 30_000 });
    for (let n = 1; n < limits.auditWaitingMax + 5; n++) log.record(event(`c${n}`));
    await log.list({ limit: 1 }).catch(() => undefined);
    rmdirSync(file);
    log.record(event('late'));
    await log.close();
    const { events } = await log.list({ limit: 2 * limits.auditWaitingMax });
    const lost = events.filter(({ result }) => result === 'EVENTS_LOST');
    const lostCount = lost.reduce((sum, { repeated }) => sum + repeated, 0);
    expect(lostCount).toBeGreaterThanOrEqual(5);
    expect(events.length - lost.length + lostCount).toBe(limits.auditWaitingMax + 6);
    expect(errors).toHaveLength(1);
  });
});

describe('denied calls', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it('of one kind are recorded once a minute, with their number', () => {
    const recorded: AuditEvent[] = [];
    const auditor = new Auditor({ record: (each) => recorded.push(each) });
    for (let n = 0; n < 500; n++) {
      auditor.record(event('x', { result: 'PERMISSION_DENIED', peer: `10.0.0.1:${n}` }));
      auditor.record(event('x', { result: 'UNAUTHENTICATED', identity: undefined, peer: `10.0.0.2:${n}` }));
    }
    auditor.record(event('y'));
    auditor.record(event('y'));
    expect(recorded).toHaveLength(4);
    vi.advanceTimersByTime(limits.auditRepeatMs);
    expect(recorded.slice(4)).toMatchObject([
      { result: 'PERMISSION_DENIED', repeated: 499, ids: [] },
      { result: 'UNAUTHENTICATED', repeated: 499, ids: [] },
    ]);
    auditor.record(event('x', { result: 'PERMISSION_DENIED' }));
    expect(recorded).toHaveLength(7);
    auditor.flush();
    expect(recorded).toHaveLength(7);
  });

  it('of very many kinds are recorded together', () => {
    const recorded: AuditEvent[] = [];
    const auditor = new Auditor({ record: (each) => recorded.push(each) });
    const strangers = limits.auditRepetitionsMax + 100;
    for (let n = 0; n < strangers; n++)
      auditor.record(
        event('x', { result: 'UNAUTHENTICATED', identity: undefined, peer: `10.0.${n >> 8}.${n & 255}:1` }),
      );
    expect(recorded).toHaveLength(limits.auditRepetitionsMax + 1);
    auditor.flush();
    expect(recorded.at(-1)).toMatchObject({ method: 'several', repeated: 99 });
  });
});
