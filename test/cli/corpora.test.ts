import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningServer } from '../../src/cli/index.js';
import { startTestServer } from './support/start-server.js';
import { jsonLines, stowkenAt } from './support/stowken.js';

/** Real conversations, which the project does not ship. */
const folder = resolve(import.meta.dirname, '../../../shared/corpora');
const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.jsonl.gz')) : [];
const why = files.length === 0 ? ` (skipped: ${folder} is not there)` : '';

describe.skipIf(files.length === 0)(`real conversations${why}`, () => {
  let server: RunningServer;
  beforeAll(async () => (server = await startTestServer()));
  afterAll(() => server.stop());

  it.each(files)('%s comes back as it was', async (file) => {
    const sent = jsonLines(gunzipSync(readFileSync(resolve(folder, file))).toString());
    const run = stowkenAt(server.address);
    expect(await run(['import', resolve(folder, file)])).toMatchObject({ code: 0 });
    const application = file.replace('.jsonl.gz', '');
    const { code, stdout } = await run(['export', '--application', application]);
    expect(code).toBe(0);
    const got = new Map(jsonLines(stdout).map((record) => [record['id'], record]));
    expect(got.size).toBe(sent.length);
    for (const record of sent) expect(got.get(record['id'])).toEqual(record);
  });
});
