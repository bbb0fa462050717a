import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import type { Fields } from '../support/client.js';
import { rawMessage } from '../support/wire.js';
import { badInput, itRefusesMalformed, itRefusesOtherVaults, itRefusesOversize } from './support.js';

const bad = badInput();

const methods = [
  'CollectGarbage',
  'CompactSubstrings',
  'EraseConversations',
  'ListRegistries',
  'VerifyVault',
  'BackupVault',
  'GetStats',
  'GetCapabilities',
];

describe('every method of MaintenanceService', () => {
  itRefusesMalformed(bad, [
    ...methods.map((method): [string, Buffer] => [method, Buffer.from([0xff, 0xff])]),
    ['GetStats', rawMessage([1, Buffer.from([0xed, 0xa0, 0x80])])],
    ['CompactSubstrings', rawMessage([4, Buffer.from([0xff])])],
    ['CompactSubstrings', Buffer.from([0x19, 0, 0])],
    ['VerifyVault', Buffer.from([0x10])],
    ['BackupVault', rawMessage([1, Buffer.from([0xc0, 0xaf])])],
  ]);
  itRefusesOversize(bad, methods);
  itRefusesOtherVaults(
    bad,
    methods.map((method) => [method, method === 'EraseConversations' ? { ids: ['a'] } : {}]),
  );

  it.each(methods)('%s refuses a name of a vault that is too long', async (method) => {
    expect(await bad.client.refused(method, { vault: 'x'.repeat(257) })).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: 'INVALID_FIELD',
      metadata: { field: 'vault', size: '257', limit: '256' },
    });
  });
});

describe('fields', () => {
  const resumeToken = (content: unknown) => Buffer.from(JSON.stringify(content)).toString('base64url');

  const invalid: [string, string, Fields, string][] = [
    ['a negative age', 'CollectGarbage', { min_age: { seconds: -1 } }, 'min_age'],
    ['a negative part', 'CompactSubstrings', { min_savings_ratio: -0.01 }, 'min_savings_ratio'],
    ['a part above 1', 'CompactSubstrings', { min_savings_ratio: 1.01 }, 'min_savings_ratio'],
    ['a part that is no number', 'CompactSubstrings', { min_savings_ratio: NaN }, 'min_savings_ratio'],
    ['an endless part', 'CompactSubstrings', { min_savings_ratio: Infinity }, 'min_savings_ratio'],
    ['nothing to erase', 'EraseConversations', {}, 'ids'],
    ['ids and labels', 'EraseConversations', { ids: ['a'], labels: { user: '7' } }, 'labels'],
    ['a label without a key', 'EraseConversations', { labels: { '': '7' } }, 'labels'],
    ['a long wait', 'EraseConversations', { ids: ['a'], wait: { seconds: 3601 } }, 'wait'],
    ['a negative time', 'CompactSubstrings', { time_max: { seconds: -1 } }, 'time_max'],
    ['a long resume token', 'CompactSubstrings', { resume_token: 'x'.repeat(4097) }, 'resume_token'],
    ['a resume token that is none', 'CompactSubstrings', { resume_token: 'x' }, 'resume_token'],
    [
      'a resume token of another vault',
      'CompactSubstrings',
      { resume_token: resumeToken(['other', 1, null]) },
      'resume_token',
    ],
  ];
  it.each(invalid)('%s is refused', async (_name, method, request, field) => {
    expect(await bad.client.refused(method, request)).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: 'INVALID_FIELD',
      metadata: { field },
    });
    await bad.expectNothingStored();
  });

  it.each([
    ['segments_max', 5],
    ['bytes_max', 6],
  ])('%s must be a number that JavaScript holds exactly', async (field, number) => {
    const request = Buffer.from([number * 8, ...Array<number>(9).fill(0xff), 1]);
    expect(await bad.client.refused('CompactSubstrings', request)).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: 'INVALID_FIELD',
      metadata: { field, value: '18446744073709551615', limit: String(Number.MAX_SAFE_INTEGER) },
    });
  });

  it('at their limits are accepted, and an empty vault has nothing to do', async () => {
    for (const min_savings_ratio of [0, 1]) {
      const parts = await bad.client.stream('CompactSubstrings', {
        min_savings_ratio,
        segments_max: Number.MAX_SAFE_INTEGER,
        time_max: {},
      });
      expect(parts).toMatchObject([{ summary: { end: 'COMPACTION_END_NOT_WORTH_IT' } }]);
    }
    expect(await bad.client.unary('ListRegistries', {})).toEqual({ registries: [] });
    expect((await bad.client.stream('VerifyVault', { repair: true })).at(-1)).toMatchObject({
      summary: { records: 0, violations: 0, repaired: 0 },
    });
  });
});
