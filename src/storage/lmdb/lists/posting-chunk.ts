import { StowkenError } from '../../../model/index.js';
import { ByteReader, ByteWriter } from '../../shared/bytes.js';
import { POSTING_CHUNK_BYTES, POSTING_ENTRIES_MAX } from '../tables/layout.js';

/** Numbers of conversations by group, in two columns: sorted by group, then by number. */
export interface Postings {
  readonly groups: readonly number[];
  readonly numbers: readonly number[];
}

/** An entry that is added or removed. */
export interface PostingChange {
  readonly group: number;
  readonly number: number;
  readonly added: boolean;
}

export const noPostings: Postings = { groups: [], numbers: [] };

/** Stands for a distance that two numbers of a group never have: a run of numbers follows. */
const RUN = 0;
/** Distances of 1, one after the other, that are written as a run. */
const RUN_MIN = 3;

/**
 * Encodes entries: for each group its distance to the group before, how many numbers it has here, the first
 * number, and the distance of each further one to the one before; instead of three distances of 1 or more
 * that follow each other 0, and how many they are less three.
 */
export function encodePostings({ groups, numbers }: Postings): Uint8Array {
  const writer = new ByteWriter(4 * groups.length + 16);
  let before = 0;
  for (let at = 0; at < groups.length;) {
    const group = groups[at]!;
    let end = at + 1;
    while (groups[end] === group) end++;
    writer
      .varint(group - before)
      .varint(end - at)
      .varint(numbers[at]!);
    for (let next = at + 1; next < end;) {
      const run = runFrom(numbers, next, end);
      if (run >= RUN_MIN) writer.varint(RUN).varint(run - RUN_MIN);
      else writer.varint(numbers[next]! - numbers[next - 1]!);
      next += run >= RUN_MIN ? run : 1;
    }
    before = group;
    at = end;
  }
  return writer.finish();
}

/** Returns how many numbers from an index on follow the one before them, each by 1. */
function runFrom(numbers: readonly number[], from: number, end: number): number {
  let at = from;
  while (at < end && numbers[at]! - numbers[at - 1]! === 1) at++;
  return at - from;
}

/** @throws StowkenError CORRUPT_STORE */
export function decodePostings(bytes: Uint8Array): Postings {
  const reader = new ByteReader(bytes);
  const groups: number[] = [];
  const numbers: number[] = [];
  let group = 0;
  while (!reader.atEnd) {
    group += reader.varint();
    let left = reader.varint();
    if (groups.length + left > POSTING_ENTRIES_MAX) throw tooMany();
    for (let number = 0, isFirst = true; left > 0; isFirst = false) {
      const distance = reader.varint();
      const isRun = distance === RUN && !isFirst;
      const run = isRun ? reader.varint() + RUN_MIN : 1;
      if (run > left) throw tooMany();
      for (let next = 0; next < run; next++) {
        number += isRun ? 1 : distance;
        groups.push(group);
        numbers.push(number);
      }
      left -= run;
    }
  }
  return { groups, numbers };
}

function tooMany(): StowkenError {
  return new StowkenError('CORRUPT_STORE', 'a chunk of the list index has more entries than it may have');
}

/** Returns the index of the first entry that is not before this one. */
export function placeOf({ groups, numbers }: Postings, group: number, number: number): number {
  let low = 0;
  let high = groups.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const isBefore = groups[middle]! < group || (groups[middle] === group && numbers[middle]! < number);
    if (isBefore) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Returns the entries with changes, which are in the same order. An entry that is there already is not added
 * twice; one that is not there is not removed.
 */
export function withChanges(before: Postings, changes: readonly PostingChange[]): Postings {
  const groups: number[] = [];
  const numbers: number[] = [];
  let at = 0;
  const copyTo = (end: number) => {
    for (; at < end; at++) {
      groups.push(before.groups[at]!);
      numbers.push(before.numbers[at]!);
    }
  };
  for (const { group, number, added } of changes) {
    copyTo(placeOf(before, group, number));
    if (before.groups[at] === group && before.numbers[at] === number) at += 1;
    if (!added) continue;
    groups.push(group);
    numbers.push(number);
  }
  copyTo(before.groups.length);
  return { groups, numbers };
}

/**
 * Splits entries that are too long for one chunk. `growsAtEnd`: entries came after the others, as more will:
 * full chunks are left behind. Otherwise the pieces are of one size, so that each has room.
 */
export function splitPostings(all: Postings, growsAtEnd: boolean): Postings[] {
  const count = all.groups.length;
  const bytes = encodePostings(all).length;
  const part = Math.min(POSTING_CHUNK_BYTES / bytes, POSTING_ENTRIES_MAX / count);
  if (part >= 1 || count < 2) return [all];
  const share = growsAtEnd ? 0.97 * part : 0.5;
  const cut = Math.min(count - 1, Math.max(1, Math.floor(count * share)));
  return [
    ...splitPostings(sliceOf(all, 0, cut), growsAtEnd),
    ...splitPostings(sliceOf(all, cut, count), growsAtEnd),
  ];
}

function sliceOf({ groups, numbers }: Postings, from: number, to: number): Postings {
  return { groups: groups.slice(from, to), numbers: numbers.slice(from, to) };
}
