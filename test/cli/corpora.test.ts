import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningServer } from '../../src/cli/index.js';
import { sampleOr } from '../support/sample.js';
import { startTestServer } from './support/start-server.js';
import { jsonLines, stowkenAt } from './support/stowken.js';

/** Real conversations, which the project does not ship. */
const folder = resolve(import.meta.dirname, '../../../shared/corpora');
const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.jsonl.gz')) : [];
/** Limit of what is taken of each file. */
const charactersMax = sampleOr(1_000_000, Infinity);
const why = files.length === 0 ? ` (skipped: ${folder} is not there)` : '';

describe.skipIf(files.length === 0)(`real conversations${why}`, () => {
  const samples = mkdtempSync(join(tmpdir(), 'stowken-corpora-'));
  let server: RunningServer;
  beforeAll(async () => (server = await startTestServer()));
  afterAll(async () => {
    rmSync(samples, { recursive: true });
    await server.stop();
  });

  it.each(files)('%s comes back as it was', async (file) => {
    const all = gunzipSync(readFileSync(resolve(folder, file))).toString();
    const lines = all.slice(0, all.indexOf('\n', Math.min(charactersMax, all.length - 1)));
    const sent = jsonLines(lines);
    writeFileSync(join(samples, file), gzipSync(lines));
    const run = stowkenAt(server.address);
    expect(await run(['import', join(samples, file)])).toMatchObject({ code: 0 });
    const application = file.replace('.jsonl.gz', '');
    const { code, stdout } = await run(['export', '--application', application]);
    expect(code).toBe(0);
    const got = new Map(jsonLines(stdout).map((record) => [record['id'], record]));
    expect(got.size).toBe(sent.length);
    for (const record of sent) expect(got.get(record['id'])).toEqual(record);
  });
});
