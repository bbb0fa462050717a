import { expect, it } from 'vitest';
import { countOf } from '../../src/model/index.js';

it.each([
  [0, '0 tokens'],
  [1, '1 token'],
  [1000, '1000 tokens'],
])('a count of %d reads %j', (count, words) => {
  expect(countOf(count, 'token')).toBe(words);
});
