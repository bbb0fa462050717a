import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isStowkenError } from '../../src/model/index.js';
import { openPageToken, sealPageToken, type PageScope, type PagePosition } from '../../src/rpc/page-token.js';
import type { ListPosition } from '../../src/storage/index.js';

const scope: PageScope = {
  vaultId: '00ff',
  query: { order: 'newestFirst', filter: { application: 'a', metadata: { x: '1', y: '2' } } },
};

function opens(other: PageScope, token: string): boolean {
  try {
    openPageToken(other, token);
    return true;
  } catch (error) {
    if (isStowkenError(error, 'INVALID_PAGE_TOKEN')) return false;
    throw error;
  }
}

const seven = '7' as ListPosition;

describe('page tokens', () => {
  it('give back the position', () => {
    fc.assert(
      fc.property(fc.oneof(fc.maxSafeNat(), fc.string({ unit: 'binary' })), (value) => {
        const position = value as PagePosition;
        expect(openPageToken(scope, sealPageToken(scope, position))).toBe(position);
      }),
    );
  });

  it('open for the same question however its keys are ordered', () => {
    const reordered = { filter: { metadata: { y: '2', x: '1' }, application: 'a' }, order: 'newestFirst' };
    expect(openPageToken({ ...scope, query: reordered }, sealPageToken(scope, seven))).toBe(seven);
  });

  it('open for no other vault, filter or order', () => {
    const token = sealPageToken(scope, seven);
    const others = [
      { ...scope, vaultId: '00fe' },
      {
        ...scope,
        query: { order: 'oldestFirst', filter: { application: 'a', metadata: { x: '1', y: '2' } } },
      },
      { ...scope, query: { order: 'newestFirst', filter: { application: 'a', metadata: { x: '1' } } } },
    ];
    expect(others.map((other) => opens(other, token))).toEqual([false, false, false]);
  });

  it('do not open when any character is changed, added or missing', () => {
    const token = sealPageToken(scope, '123456' as ListPosition);
    for (let at = 0; at < token.length; at++) {
      const other = token[at] === 'A' ? 'B' : 'A';
      expect(opens(scope, token.slice(0, at) + other + token.slice(at + 1))).toBe(false);
      expect(opens(scope, token.slice(0, at))).toBe(false);
    }
    for (const added of ['A', '=', ' ', '\n', 'ü']) expect(opens(scope, token + added)).toBe(false);
  });

  it('do not open when a client made them up', () => {
    fc.assert(
      fc.property(fc.string(), (made) => {
        expect(opens(scope, made)).toBe(false);
      }),
    );
  });
});
