import { describe, expect, it } from 'vitest';
import { formatTable } from '../../src/cli/table.js';

describe('a table', () => {
  it('keeps its columns in line beside wide characters and joined emoji', () => {
    const rows = [
      ['ID', 'N', 'X'],
      ['日本語', '1', 'x'],
      ['👩‍👩‍👧', '22', 'x'],
      ['é', '333', 'x'],
    ];
    expect(formatTable(rows, ['left', 'right', 'left']).split('\n')).toEqual([
      'ID        N  X',
      '日本語    1  x',
      '👩‍👩‍👧       22  x',
      'é       333  x',
    ]);
  });

  it('takes more rows than a call takes arguments', () => {
    const rows = Array.from({ length: 300_000 }, () => ['a']);
    expect(formatTable(rows, ['left'])).toHaveLength(599_999);
  });
});
