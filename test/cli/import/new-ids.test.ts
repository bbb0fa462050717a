import { validate, version } from 'uuid';
import { expect, it, vi } from 'vitest';
import { NewIds } from '../../../src/cli/import/new-ids.js';

it('makes UUIDs of version 7, each greater than the one before, whatever the clock does', () => {
  const times = [5_000, 5_000, 4_000, 6_000];
  const clock = vi.spyOn(Date, 'now').mockImplementation(() => times[0]!);
  const { next } = new NewIds();
  const ids: string[] = [];
  for (; times.length > 0; times.shift()) for (let count = 0; count < 300; count++) ids.push(next());
  clock.mockRestore();
  expect(ids.every((id) => validate(id) && version(id) === 7)).toBe(true);
  expect([...new Set(ids)].sort()).toEqual(ids);
  expect(parseInt(ids[0]!.replaceAll('-', '').slice(0, 12), 16)).toBe(5_000);
});
