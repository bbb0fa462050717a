import { expect, it } from 'vitest';
import {
  decodeBoard,
  decodeRisen,
  encodeBoard,
  encodeRisen,
} from '../../../../src/storage/lmdb/board/board.js';
import { segmentId } from '../ids.js';

it('the board of shared segments has these bytes', () => {
  const board = {
    to: 300,
    nextSegment: 12,
    thresholds: { references: 2, tokensSaved: 1000 },
    entries: [
      { id: segmentId(3), tokenCount: 200, uses: undefined },
      {
        id: segmentId(10),
        tokenCount: 5,
        uses: { firstNumber: 9, firstMs: 1000, lastNumber: 4, lastMs: 1200 },
      },
    ],
  };
  expect(Buffer.from(encodeBoard(board)).toString('hex')).toBe(
    'ac02' + '0c' + '02' + 'e807' + '03c80100' + '0705' + '09' + 'd00f' + '09' + 'c801',
  );
  expect(decodeBoard(encodeBoard(board))).toEqual(board);
  const risen = new Map([
    [segmentId(300), 4],
    [segmentId(2), 1],
  ]);
  expect(Buffer.from(encodeRisen(risen)).toString('hex')).toBe('ac02' + '04' + '02' + '01');
  expect(decodeRisen(encodeRisen(risen))).toEqual(risen);
});
