import { execFileSync, spawnSync } from 'node:child_process';
import { getEventListeners } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { crc32, gzipSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, describe, expect, it } from 'vitest';
import { parseDocument } from '../../../src/cli/import/parse.js';
import { type Json, writeWithRawNumbers } from '../../../src/cli/import/shapes/index.js';
import {
  filesOf,
  NoData,
  readDocuments,
  type SourceDocument,
} from '../../../src/cli/import/sources/index.js';
import { gunzip } from '../../../src/cli/import/sources/gzip.js';
import { jsonLines, stowken } from '../support/stowken.js';

const folder = mkdtempSync(join(tmpdir(), 'stowken-sources-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function read(bytes: Buffer | string): Promise<[number, Json][]> {
  const found: [number, Json][] = [];
  // Chunks of few bytes: no border of them may matter.
  const all = Buffer.from(bytes);
  const chunks = Array.from({ length: Math.ceil(all.length / 7) }, (_, at) =>
    all.subarray(7 * at, 7 * at + 7),
  );
  for await (const document of readDocuments('-', { stdin: Readable.from(chunks) }, 1e6)) {
    const parsed = parseDocument(document);
    if (parsed !== undefined) found.push([document.number, parsed.value]);
  }
  return found;
}

const one = { messages: [{ role: 'user', content: 'a "b" ] } \\' }] };
const two = { messages: [] };
const lines = `${JSON.stringify(one)}\n\n${JSON.stringify(two)}\n`;
const asLines = [
  [1, one],
  [3, two],
];

const zstd = Buffer.from('KLUv/QRYcQAAeyJhIjoxfQp7ImEiOjJ9Cm8kkF4=', 'base64');

/** Returns the lines in two members of gzip, and what is behind them. */
function gzipMembers(behind: Buffer): Buffer {
  const bytes = Buffer.from(lines);
  return Buffer.concat([gzipSync(bytes.subarray(0, 5)), gzipSync(bytes.subarray(5)), behind]);
}

/** Returns the lines as gzip with a field, a name, a comment and a check of the header. */
function gzipWithHeader(): Buffer {
  const plain = gzipSync(lines);
  const header = Buffer.from(plain.subarray(0, 10));
  header[3] = 2 | 4 | 8 | 16;
  const parts = Buffer.from('\x03\0abcname\0comment\0');
  const check = Buffer.alloc(2);
  check.writeUInt16LE(crc32(Buffer.concat([header, parts])) & 0xffff);
  return Buffer.concat([header, parts, check, plain.subarray(10)]);
}

describe('the documents of a file', () => {
  it.each<[string, Buffer | string, readonly unknown[]]>([
    ['JSON lines', lines, asLines],
    ['lines that Windows wrote', `\ufeff${lines.replaceAll('\n', '\r\n')}`, asLines],
    ['UTF-16, little-endian', Buffer.from(`\ufeff${lines}`, 'utf16le'), asLines],
    ['UTF-16, big-endian', Buffer.from(`\ufeff${lines}`, 'utf16le').swap16(), asLines],
    ['UTF-16 without a mark', Buffer.from(lines, 'utf16le'), asLines],
    ['gzip', gzipSync(lines), asLines],
    ['gzip of several members, with zeros behind', gzipMembers(Buffer.alloc(100)), asLines],
    ['gzip with other bytes behind', gzipMembers(Buffer.from('other')), asLines],
    ['gzip with all parts of a header', gzipWithHeader(), asLines],
    [
      'an array over several lines',
      JSON.stringify([one, two], null, 2),
      [
        [2, one],
        [10, two],
      ],
    ],
    [
      'an array on one line',
      JSON.stringify([one, two]),
      [
        [1, one],
        [1, two],
      ],
    ],
    ['an object over several lines', JSON.stringify(one, null, 2), [[1, one]]],
    [
      'objects over several lines',
      `${JSON.stringify(one, null, 2)}\n${JSON.stringify(one, null, 2)}`,
      [
        [1, one],
        [9, one],
      ],
    ],
    ['a list of messages over several lines', JSON.stringify(one.messages, null, 2), [[1, one.messages]]],
    [
      'a list of messages a line',
      `${JSON.stringify(one.messages)}\n`.repeat(2),
      [
        [1, one.messages],
        [2, one.messages],
      ],
    ],
    ['nothing', '', []],
    ['an empty array', '[]', []],
  ])('are told from %s', async (_what, bytes, expected) => {
    expect(await read(bytes)).toEqual(expected);
  });

  const packers = ['bzip2', 'xz', 'zstd'].filter((name) => {
    try {
      execFileSync(name, ['--version'], { stdio: 'ignore', input: '' });
      return true;
    } catch {
      return false; // The machine does not have the program.
    }
  });
  it.each(packers)('are told from %s, and a cut file is refused in words', async (name) => {
    const packed = execFileSync(name, ['-c'], { input: lines.repeat(50) });
    expect(await read(packed)).toHaveLength(100);
    await expect(read(packed.subarray(0, -9))).rejects.toThrow(`it is ${name}, and damaged or cut: `);
  });

  it('are unpacked by the program as it is built, too', () => {
    // Modules that unpack are found otherwise there than in tests: three lines, packed.
    const json = '{"messages":[{"role":"user","content":"Hi"}]}\n'.repeat(3);
    const rows = parquetWriteBuffer({
      columnData: ['prompt', 'completion'].map((name) => ({ name, data: ['a', 'b', 'c'], type: 'STRING' })),
    });
    const packed = {
      xz: '/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4ACJADNdAD2IiaaUYNm9y2PPeI7cq7mTPoFkH2Fqbhbs7PPrDSbua3HOim+4kWZUtweEZkG89KoAAAAA1LCrcs2cSGwAAU+KAQAAADKjsX6xxGf7AgAAAAAEWVo=',
      bzip2:
        'QlpoOTFBWSZTWafo7iQAAEBfgAAQEAQAEABAAAoqp54KIABQo0ZA0aZGhn/qqZBkA009SFl3C6iiMEnjYSVaJrKprPVnb5R0k7XTZMVUJIwZLvkJvxdyRThQkKfo7iQ=',
      zstd: 'KLUv/QRYtQEA5AJ7Im1lc3NhZ2VzIjpbeyJyb2xlIjoidXNlciIsImNvbnRlbnQiOiJIaSJ9XX0KAQDOOKkyYU6sEQ==',
      gzip: gzipSync(json).toString('base64'),
      parquet: Buffer.from(rows).toString('base64'),
    };
    const own = mkdtempSync(join(tmpdir(), 'stowken-packed-'));
    const files = Object.entries(packed).map(([name, bytes]) => {
      const file = join(own, name);
      writeFileSync(file, Buffer.from(bytes, 'base64'));
      return file;
    });
    const options = { encoding: 'utf8' } as const;
    const command = createRequire(import.meta.url).resolve('#build/programs/main.js');
    const out = execFileSync(process.execPath, [command, 'import', '--dry-run', '--json', ...files], options);
    rmSync(own, { recursive: true });
    expect(JSON.parse(out)).toMatchObject({ would_store: 3 * files.length, failed: 0 });
  });

  it.each([
    [
      'a SHA-256 check',
      '/Td6WFoAAArh+wyhAgAhARYAAAB0L+WjAQAYeyJpZCI6ImEiLCJtZXNzYWdlcyI6W119CgAAAAA5LM2utK5U7ud1vQ/pT2OvLltCvsCaxPDaZrw4iVwldwABSRmn6VZlGJtLmgEAAAAAClla',
    ],
    [
      'a filter of x86',
      '/Td6WFoAAATm1rRGAgEEACEBFgANhjUfAQAYeyJpZCI6ImEiLCJtZXNzYWdlcyI6W119CgAAAAAsbpEnAx5E3QABMRlZGrCCH7bzfQEAAAAABFla',
    ],
    [
      'a dictionary of 512 MiB',
      '/Td6WFoAAATm1rRGAgAhASIAAACCQKzcAQAYeyJpZCI6ImEiLCJtZXNzYWdlcyI6W119CgAAAAAsbpEnAx5E3QABMRlZGrCCH7bzfQEAAAAABFla',
    ],
  ])('are refused from xz with %s, with a way that reads it', async (_what, packed) => {
    await expect(read(Buffer.from(packed, 'base64'))).rejects.toThrow(
      /^it is xz of a kind that cannot be read here, .*: xz -dc it to stowken import -$/,
    );
  });

  it('are refused with what the file is', async () => {
    await expect(read(Buffer.from([0x5d, 0, 0, 0x80, 0, 0xff]))).rejects.toThrow('it is an lzma file');
    await expect(read('PAR1\x15\x04PAR1')).rejects.toThrow(/^it is a Parquet file, and damaged or cut: /);
    await expect(read('PK\x03\x04 and more of it')).rejects.toThrow('it is a zip archive, not JSON lines');
    await expect(read('SQLite format 3\0 and more')).rejects.toThrow('it is an SQLite database');
    const utf16 = Buffer.from(`\ufeff${lines}`, 'utf16le');
    for (const cut of [utf16.subarray(0, -1), Buffer.concat([utf16, Buffer.from('\ud83d', 'utf16le')])])
      await expect(read(cut)).rejects.toThrow(/^it is UTF-16LE, and damaged or cut$/);
    await expect(read(zstd.subarray(0, 12))).rejects.toThrow('it is zstd, and damaged or cut');
  });

  it('are several in one line, or behind record separators', async () => {
    const json = JSON.stringify(one);
    expect(await read(`${json}${json} ${json}`)).toEqual([1, 1, 1].map((line) => [line, one]));
    expect(await read(`\x1e${json}\n\x1e${json}\n`)).toEqual([1, 2].map((line) => [line, one]));
    const like = { messages: [{ role: 'user', content: 'a} {b' }] };
    expect(await read(`${JSON.stringify(like)}\n${json}\n`)).toEqual([
      [1, like],
      [2, one],
    ]);
  });

  it('are rows of Parquet on disk, read a group at a time', async () => {
    const file = join(folder, '.rows.parquet');
    const ids = Array.from({ length: 1000 }, (_, row) => 2n ** 60n + BigInt(row));
    const bytes = parquetWriteBuffer({
      columnData: [
        { name: 'id', data: ids, type: 'INT64' },
        { name: 'text', data: ids.map((id) => `text ${id}`.repeat(20)), type: 'STRING' },
        { name: 'score', data: ids.map((_, row) => (row === 3 ? Number.NaN : row / 2)), type: 'DOUBLE' },
      ],
      rowGroupSize: [100, 400, 500],
    });
    writeFileSync(file, Buffer.from(bytes));
    let read = 0;
    const rows: SourceDocument[] = [];
    const stdin = Readable.from([]);
    for await (const row of readDocuments(file, { stdin }, 1e6, undefined, (more) => (read += more)))
      rows.push(row);
    expect(rows.map(({ number }) => number)).toEqual(ids.map((_, row) => row + 1));
    for (const at of [0, 3, 99, 100, 999])
      expect(writeWithRawNumbers(rows[at]!.value!)).toBe(
        `{"id":${ids[at]},"text":"${`text ${ids[at]}`.repeat(20)}","score":${at === 3 ? 'NaN' : at / 2}}`,
      );
    expect(read).toBe(bytes.byteLength);
  });

  it('go on after a line that is cut', async () => {
    const cut = `{"messages":[\n${lines}`;
    const numbers: number[] = [];
    for await (const { number } of readDocuments('-', { stdin: Readable.from([Buffer.from(cut)]) }, 1e6))
      numbers.push(number);
    expect(numbers).toEqual([1, 2, 3, 4]);
  });
});

describe('gzip', () => {
  /** Returns what is read of bytes that come in chunks of a size, and whether it ends well. */
  async function readOf(bytes: Buffer, size: number) {
    const made: Buffer[] = [];
    let junk = 0;
    const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
      bytes.subarray(at * size, (at + 1) * size),
    );
    try {
      for await (const chunk of gunzip(Readable.from(chunks), () => junk++)) made.push(chunk);
      return { text: Buffer.concat(made).toString(), junk };
    } catch (error) {
      return { text: Buffer.concat(made).toString(), error: (error as Error).message };
    }
  }

  it.each([1, 2, 7, 1000])('is read in chunks of %i bytes', async (size) => {
    const zipped = gzipSync(lines);
    for (let cut = 1; cut < zipped.length; cut++) {
      const { text, error } = await readOf(zipped.subarray(0, cut), size);
      expect({ cut, error, isBegun: lines.startsWith(text) }).toEqual({
        ...{ cut, error: 'unexpected end of file', isBegun: true },
      });
    }
    expect(await readOf(gzipMembers(Buffer.from('x')), size)).toEqual({ text: lines, junk: 1 });
    expect(await readOf(gzipMembers(Buffer.alloc(3)), size)).toEqual({ text: lines, junk: 0 });
    for (const [at, error] of [
      [2, 'unknown compression method'],
      [zipped.length - 5, 'incorrect data check'],
      [zipped.length - 1, 'incorrect length check'],
    ] as const) {
      const damaged = Buffer.from(zipped);
      damaged[at]! ^= 4;
      expect(await readOf(damaged, size)).toMatchObject({ error });
    }
  });

  it('with other bytes behind its end is read, and a warning is counted', async () => {
    const file = join(folder, 'behind.jsonl.gz');
    writeFileSync(file, gzipMembers(Buffer.from('{"other":1}\n')));
    const { code, stdout, stderr } = await stowken(['import', '--dry-run', '--json', file]);
    rmSync(file);
    const warning = `${file}: other bytes behind the end of its gzip were left out`;
    expect({ code, stderr }).toEqual({ code: 0, stderr: `${warning}\n` });
    expect(jsonLines(stdout)).toMatchObject([{ would_store: 2, failed: 0, warnings: [warning] }]);
  });
});

describe('names of files', () => {
  it('stand for files, the files of folders, and those that patterns match', async () => {
    mkdirSync(join(folder, 'in', 'deep'), { recursive: true });
    for (const name of ['a.jsonl', 'b.json', '.hidden', 'in/c.jsonl', 'in/deep/d.jsonl'])
      writeFileSync(join(folder, name), '');
    const all = ['a.jsonl', 'b.json', 'in/c.jsonl', 'in/deep/d.jsonl'].map((name) => join(folder, name));
    expect(await filesOf([folder])).toEqual(all);
    expect(await filesOf([join(folder, '*.jsonl')])).toEqual([all[0]]);
    expect(await filesOf([join(folder, '**/*.jsonl')])).toEqual([all[0], all[2], all[3]]);
    expect(await filesOf(['-', join(folder, 'none.jsonl')])).toEqual(['-', join(folder, 'none.jsonl')]);
    expect(await filesOf([join(folder, 'none*')])).toEqual([join(folder, 'none*')]);
    const link = join(folder, '.hidden-link');
    symlinkSync(all[0]!, link);
    expect(await filesOf([link, all[1]!, folder, '-', '-'])).toEqual([link, ...all.slice(1), '-']);
  });

  it('leave out what a folder does not let be read, and say so', () => {
    const own = mkdtempSync(join(tmpdir(), 'stowken-closed-'));
    mkdirSync(join(own, 'closed'), { mode: 0 });
    writeFileSync(join(own, 'open.jsonl'), lines);
    chmodSync(own, 0o755);
    const command = createRequire(import.meta.url).resolve('#build/programs/main.js');
    // Nothing is closed to root.
    const user = process.getuid?.() === 0 ? { uid: 65534, gid: 65534, cwd: '/' } : {};
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [command, 'import', '--dry-run', '--json', own],
      { ...user, encoding: 'utf8' },
    );
    rmSync(own, { recursive: true });
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: `${join(own, 'closed')}: permission is denied\n`,
    });
    expect(JSON.parse(stdout)).toMatchObject({ would_store: 2, failed: 1 });
  });

  it.each([
    ['a README', '# Conversations\n', false],
    ['a packed README', gzipSync('# Conversations\n'), false],
    ['nothing', '', true],
    ['lines after a mark', `\ufeff${lines}`, true],
    ['UTF-16', Buffer.from(`\ufeff\n ${lines}`, 'utf16le'), true],
    ['packed lines', gzipSync(lines), true],
    ['a damaged line', '{"messages', true],
  ])('that were found in a folder are read if they may hold data: %s', async (_, bytes, isData) => {
    const stdin = Readable.from([Buffer.from(bytes)]);
    const read = async () => {
      for await (const { number } of readDocuments('-', { stdin }, 1e6, undefined, undefined, true))
        expect(number).toBeGreaterThan(0);
    };
    if (isData) await read();
    else await expect(read()).rejects.toThrow(NoData);
  });

  it('are closed where they are left out, refused or not read to their end', async () => {
    const { signal } = new AbortController();
    const files = {
      'left-out.md': '# Conversations\n',
      'refused.jsonl.gz': gzipSync(lines).subarray(0, 30),
      'half-read.jsonl': lines.repeat(10_000),
    };
    for (const [name, bytes] of Object.entries(files)) {
      const file = join(folder, name);
      writeFileSync(file, bytes);
      const documents = readDocuments(file, { stdin: Readable.from([]) }, 1e6, signal, undefined, true);
      const read = async () => {
        for await (const { number } of documents) if (number > 0) break;
      };
      await read().catch((error: unknown) => expect(error).toBeInstanceOf(Error));
      await expect.poll(() => getEventListeners(signal, 'abort').length, { message: name }).toBe(0);
    }
  });
});
