import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { FileChanges } from '../../../src/storage/filesystem/journal/file-placer.js';
import { encodeRecord, MAGIC, readJournal } from '../../../src/storage/filesystem/journal/journal-format.js';
import { isStowkenError } from '../../../src/model/index.js';

const NUMBER = 17;
const commits: readonly FileChanges[] = [
  new Map([['manifests/a.json', Buffer.from('{"a":1}')]]),
  new Map<string, Uint8Array | undefined>([
    ['segments/aa/bb.frame', Buffer.alloc(1_200, 0x5a)],
    ['manifests/a.json', undefined],
  ]),
  new Map([['manifests/b.json', Buffer.from('{"b":2}')]]),
];
const journal = (() => {
  let bytes = Buffer.from(MAGIC);
  const ends = [bytes.length];
  for (const commit of commits) {
    bytes = Buffer.concat([bytes, encodeRecord(commit, NUMBER, bytes.length)]);
    ends.push(bytes.length);
  }
  return { bytes, ends };
})();
const { bytes, ends } = journal;

const read = (of: Uint8Array, isLast = true) =>
  readJournal(of, NUMBER, isLast).map((commit) =>
    [...commit].map(([path, content]) => [path, content && Buffer.from(content)]),
  );
const isRefused = (of: Uint8Array, isLast = true): boolean => {
  try {
    readJournal(of, NUMBER, isLast);
    return false;
  } catch (error) {
    if (isStowkenError(error, 'CORRUPT_STORE')) return true;
    throw error;
  }
};

describe('a journal', () => {
  it('gives back its commits', () => {
    expect(read(bytes)).toEqual(commits.map((commit) => [...commit]));
  });

  it('never loses a commit to a flipped bit, be it in the last record', () => {
    const whole = read(bytes);
    for (let at = 0; at < bytes.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const flipped = Buffer.from(bytes);
        flipped[at]! ^= 1 << bit;
        if (!isRefused(flipped)) expect({ at, bit, read: read(flipped) }).toEqual({ at, bit, read: whole });
      }
    }
  });

  it('leaves out a last record whose end was not written', () => {
    for (let length = ends[2]!; length < ends[3]!; length++) {
      expect(read(bytes.subarray(0, length))).toHaveLength(2);
      expect(isRefused(bytes.subarray(0, length), false)).toBe(length > ends[2]!);
    }
  });

  it('leaves out a last record of which sectors were not written, and the rest of a probe', () => {
    for (let from = ends[2]!; from < ends[3]! - 1; from++) {
      const torn = Buffer.from(bytes).fill(0, from);
      expect(read(torn)).toHaveLength(2);
    }
    const long = bytes.subarray(0, ends[2]);
    const nextSector = (from: number) => Math.min(from - (from % 512) + 512, long.length);
    for (let from = ends[1]!; from < long.length; from = nextSector(from)) {
      const torn = Buffer.from(long).fill(0, from, nextSector(from));
      expect(read(torn)).toHaveLength(1);
    }
    expect(read(Buffer.concat([bytes, Buffer.alloc(65_536)]))).toHaveLength(3);
  });

  it('of the format before is read', () => {
    const payload = (record: Uint8Array) => record.subarray(44, -1);
    let old = Buffer.from('stowken journal 2\n', 'latin1');
    for (const commit of commits) {
      const content = payload(encodeRecord(commit, NUMBER, 0));
      const length = Buffer.alloc(4);
      length.writeUInt32LE(content.length, 0);
      const digest = createHash('sha256').update(`${NUMBER}:${old.length}:`).update(content).digest();
      old = Buffer.concat([old, length, digest, content]);
    }
    expect(read(old)).toEqual(commits.map((commit) => [...commit]));
    expect(read(old.subarray(0, -1))).toHaveLength(2);
    const flipped = Buffer.from(old);
    flipped[60]! ^= 1;
    expect(isRefused(flipped)).toBe(true);
  });
});
