import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { longTests, slowTests } from '../slow.js';

/** A rule for lines, with the folders that do not keep it yet: those shrink, and none is added. */
interface Rule {
  readonly about: string;
  /** Returns whether a line breaks the rule; `previous` is the line before it. */
  readonly breaks: (line: string, previous: string) => boolean;
  readonly suffixes: readonly string[];
  readonly notYet: readonly string[];
}

const WIDTH_MAX = 110;
const scripts = ['.ts', '.tsx', '.mjs', '.js', '.proto', '.py'];

const isComment = (line: string) => /^\s*(\/\/|\/\*|\* |#)|\s\/\/ /.test(line);
/** Returns the first words of a comment: of a block, or of the first of several lines. */
const opening = (line: string, previous: string) =>
  /^\s*\/\*\*? (.*)/.exec(line)?.[1] ??
  (/^\s*\/\*\*$/.test(previous) ? /^\s*\* (.*)/.exec(line)?.[1] : undefined) ??
  (/^\s*\/\//.test(previous) ? undefined : /^\s*\/\/ (.*)/.exec(line)?.[1]) ??
  '';

const rules: readonly Rule[] = [
  {
    // The formatter breaks code at this width, and leaves comments as they are.
    about: `a comment ends at column ${WIDTH_MAX}; lines with an address may be longer`,
    breaks: (line) => line.length > WIDTH_MAX && isComment(line) && !/https?:\/\//.test(line),
    suffixes: scripts,
    notYet: [],
  },
  {
    about: 'a comment begins with the noun or verb of what it documents, not with "Of", "What" or "Whether"',
    breaks: (line, previous) =>
      /^(Of|What|Where|Whether|Which|How|That|Who|Says|Tells) /.test(opening(line, previous)),
    suffixes: scripts,
    notYet: [],
  },
  {
    // Left: the project's own word, right: the field's.
    about:
      "the field's words are used: anew -> again; condense -> defragment; seed-file -> rust-v1-file; " +
      'crew -> pool; name segments -> hash segments; tended -> primary',
    breaks: (line) =>
      /\b(anew|condense[sd]?|condensing|looseBytes|seed-file|crew|nameSegments|Tended)\b/i.test(line),
    suffixes: [...scripts, '.md'],
    notYet: [],
  },
  {
    about: 'what is to be done is not left in the code',
    breaks: (line) => /\b(TODO|FIXME|XXX)\b/.test(line),
    suffixes: [...scripts, '.md', '.json'],
    notYet: [],
  },
  {
    about: 'no path of one machine is in the code or the docs',
    breaks: (line) => /(^|[\s'"`(=])\/(work|home|root|Users)\//.test(line),
    suffixes: [...scripts, '.md', '.json'],
    notYet: [],
  },
  {
    about: 'every test runs: none is left out by hand, and none runs alone',
    breaks: (line) => /\b(it|describe|test)\.(only|skip|todo)\b/.test(line),
    suffixes: ['.ts'],
    notYet: [],
  },
];

const root = resolve(import.meta.dirname, '../..');
const folders = [
  'assembly',
  'bench',
  'docs',
  'examples',
  'proto/stowken',
  'registry-0',
  'src',
  'test',
  'tokenizers',
];
const files = [
  ...readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isFile()),
  ...folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    ),
  ),
]
  .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)))
  // This file names what it forbids; the lock file has no line of ours.
  .filter((file) => file !== 'package-lock.json' && !file.endsWith('tidy.test.ts'));

function broken({ breaks, suffixes }: Rule): string[] {
  return files
    .filter((file) => suffixes.includes(extname(file)))
    .flatMap((file) => {
      const lines = readFileSync(join(root, file), 'utf8').split('\n');
      return lines.flatMap((line, at) =>
        breaks(line, lines[at - 1] ?? '') ? [`${file}:${at + 1}: ${line}`] : [],
      );
    });
}

describe.each(rules)('$about', (rule) => {
  const lines = broken(rule);
  const isIn = (folder: string) => (line: string) => line.startsWith(`${folder}/`);

  it('holds, but for the folders that are still to be tidied', () => {
    expect(lines.filter((line) => !rule.notYet.some((folder) => isIn(folder)(line)))).toEqual([]);
  });

  it('is not yet kept only in the folders that are listed', () => {
    expect(rule.notYet.filter((folder) => !lines.some(isIn(folder)))).toEqual([]);
  });
});

describe('the lists of slow and long tests', () => {
  const [slow, long] = [slowTests, longTests].map((reasons) => Object.keys(reasons)) as [string[], string[]];

  it('name files that are there', () => {
    expect([...slow, ...long].filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });

  it('name none in both', () => {
    expect(long.filter((file) => slow.includes(file))).toEqual([]);
  });

  it('leave those that start processes by themselves to the slow ones', () => {
    const starts = /node:child_process|support\/(process|children)\.js/;
    expect(long.filter((file) => starts.test(readFileSync(join(root, file), 'utf8')))).toEqual([]);
  });
});
