import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCheckpoint, writeCheckpoint } from '../../src/cli/export/checkpoint.js';
import { ExportFolder } from '../../src/cli/export/folder.js';
import { type FormatName, formatNames, loadFormat } from '../../src/cli/export/formats/index.js';
import { type ExportInput, exportTo, type Listing } from '../../src/cli/export/run.js';
import { Interruption } from '../../src/cli/interruption.js';
import { ExportBench } from './support/export-bench.js';

const folder = mkdtempSync(join(tmpdir(), 'stowken-export-resume-'));
const count = 60;
let bench: ExportBench;
let folders = 0;

beforeAll(async () => {
  bench = await ExportBench.start();
  for (let number = 0; number < count; number++) {
    const length = [1, 40, 300, 5000][number % 4]!;
    const tokens = Array.from({ length }, (_, at) => (at * 31 + (number % 50)) % 50_000);
    // Every tenth is equal to an earlier one.
    const messages = [
      { role: 'user', tokens },
      { role: 'assistant', tokens: number % 10 === 9 ? [1] : [number] },
    ];
    await bench.store({ id: `c${number}`, messages }, 'tokens');
    const text = { role: 'assistant', content: `answer ${number % 50}` };
    await bench.client.store({
      conversation: { id: `t${number}`, application: 'text', tokenizer: 'o200k_base' },
      messages: [
        { role: 'user', text: `question ${number}` },
        { role: text.role, text: text.content },
      ],
    });
  }
});
afterAll(async () => {
  await bench.stop();
  rmSync(folder, { recursive: true, force: true });
});

class Killed extends Error {}

/** Lists in pages of seven, and fails behind so many of them. */
function listing(application: string, pagesMax: number): Listing {
  return async function* list(pageToken) {
    let token = pageToken;
    for (let pages = 0; ; pages++) {
      if (pages === pagesMax) throw new Killed();
      const conditions = [{ field: 'application' as const, values: [application] }];
      const query = { filter: { conditions }, order: 'earliestStoreFirst' as const, pageSize: 7 };
      const page = await bench.client.listPage({ ...query, pageToken: token });
      token = page.nextPageToken;
      yield { conversations: page.conversations, damaged: 0, next: token };
      if (token === '') return;
    }
  };
}

interface Choices {
  readonly format: FormatName;
  readonly shards: number;
  readonly masked: boolean;
  readonly dedupe: boolean;
}

async function run(out: string, choices: Choices, pagesMax: number, more: Partial<ExportInput> = {}) {
  const { format: formatName, shards, masked, dedupe } = choices;
  const format = await loadFormat(formatName);
  const stderr = new PassThrough();
  const input: ExportInput = {
    ...{ out, force: false, formatName, format, dedupe, turns: 'every', concurrency: 4 },
    partition: { splits: [{ name: 'data', share: 1 }], shards },
    lossRoles: masked ? new Set(['assistant']) : undefined,
    choices: JSON.stringify(choices),
    checkpointMs: 0,
    ...more,
  };
  const list = listing(format.reads === 'tokens' ? 'tokens' : 'text', pagesMax);
  const context = { io: { stderr } as never, interruption: new Interruption(stderr) };
  const { summary } = await exportTo(input, bench.client, list, context);
  return { summary, said: String(stderr.read() ?? '') };
}

/** Leaves a folder as a process that was killed leaves it: with a checkpoint, and more in the files. */
async function leave(out: string, more = true): Promise<void> {
  const checkpoint = await readCheckpoint(out);
  if (!checkpoint) return;
  await writeCheckpoint(out, { ...checkpoint, owner: { ...checkpoint.owner, started: '1' } });
  for (const { name, bytes } of more ? checkpoint.files : []) {
    const path = join(out, `${name}.partial`);
    const whole = readFileSync(path);
    writeFileSync(
      path,
      Buffer.concat([whole.subarray(0, Math.max(bytes, whole.length)), Buffer.from('more')]),
    );
  }
}

function contentOf(out: string): Record<string, string> {
  const files = readdirSync(out, { recursive: true }).map(String);
  const plain = files.filter((file) => statSync(join(out, file)).isFile());
  return Object.fromEntries(plain.sort().map((file) => [file, readFileSync(join(out, file), 'latin1')]));
}

const fresh = () => join(folder, String(folders++));

describe('an export that was killed', () => {
  it.each(formatNames)('goes on to the same bytes as one that was not: %s', async (format) => {
    const choices = fc.record({
      format: fc.constant(format),
      shards: fc.integer({ min: 1, max: 3 }),
      masked: fc.boolean(),
      dedupe: fc.boolean(),
    });
    const cuts = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(choices, cuts, async (chosen, tries) => {
        const [once, again] = [fresh(), fresh()];
        const whole = await run(once, chosen, Infinity);
        for (const pages of tries) {
          const error: unknown = await run(again, chosen, pages).catch((thrown: unknown) => thrown);
          if (!(error instanceof Killed)) break;
          await leave(again);
        }
        if (!existsSync(join(again, 'export.json')))
          expect((await run(again, chosen, Infinity)).summary).toEqual(whole.summary);
        expect(contentOf(again)).toEqual(contentOf(once));
      }),
      { numRuns: 8 },
    );
  });
});

describe('the folder of an interrupted export', () => {
  const choices: Choices = { format: 'npy', shards: 1, masked: false, dedupe: false };

  async function interrupted(): Promise<string> {
    const out = fresh();
    await expect(run(out, choices, 3)).rejects.toThrow(Killed);
    return out;
  }

  it('is refused to an export with other choices, and to one beside the first', async () => {
    const out = await interrupted();
    await expect(run(out, choices, 1)).rejects.toThrow(/process \d+ writes/);
    await leave(out);
    await expect(run(out, { ...choices, shards: 2 }, Infinity)).rejects.toThrow(/other options.*--force/);
    const { said } = await run(out, choices, Infinity);
    expect(said).toMatch(/^going on behind \d+ conversations in /);
  });

  it('is begun again with --force, and nothing of it stays', async () => {
    const out = await interrupted();
    await leave(out);
    const arrow = { ...choices, format: 'arrow' as const };
    await run(out, arrow, Infinity, { force: true });
    expect(Object.keys(contentOf(out))).toEqual(['data.arrow', 'export.json']);
  });

  it('gets the names that were left to be given', async () => {
    const out = fresh();
    const target = await ExportFolder.open({ path: out, force: false, filesExpected: 2, choices: 'x' });
    for (const name of ['a', 'b']) await (await target.create(name)).write(name);
    await target.checkpoint({});
    const checkpoint = (await readCheckpoint(out))!;
    const naming = { manifest: { conversations: 2 }, stale: [], damaged: 3 };
    const owner = { ...checkpoint.owner, started: '1' };
    await writeCheckpoint(out, { owner, choices: 'x', files: checkpoint.files, naming });
    renameSync(join(out, 'a.partial'), join(out, 'a'));
    const later = await ExportFolder.open({ path: out, force: false, filesExpected: 2, choices: 'x' });
    const files = [
      { name: 'a', bytes: 1 },
      { name: 'b', bytes: 1 },
    ];
    expect(await later.finishFormer()).toEqual({ manifest: { conversations: 2 }, damaged: 3, files });
    expect(Object.keys(contentOf(out))).toEqual(['a', 'b', 'export.json']);
  });

  it('is refused to an export of another vault', async () => {
    const out = await interrupted();
    await leave(out);
    const { owner, ...checkpoint } = (await readCheckpoint(out))!;
    const progress = { ...(checkpoint.progress as object), pageToken: 'of another vault' };
    await writeCheckpoint(out, { ...checkpoint, owner, progress });
    await expect(run(out, choices, Infinity)).rejects.toThrow(/of another vault.*--force/);
  });

  it('goes on if the last file was not written, and is empty if the first checkpoint was not', async () => {
    const out = fresh();
    const open = () => ExportFolder.open({ path: out, force: false, filesExpected: 1, choices: 'x' });
    const blocked = join(out, 'export.json.partial');
    const target = await open();
    await (await target.create('a')).write('a');
    mkdirSync(blocked);
    await expect(target.finish({}, 5)).rejects.toThrow(/EISDIR/);
    await target.discard();
    expect(target.canGoOn).toBe(true);
    expect(existsSync(join(out, 'a'))).toBe(true);
    rmSync(blocked, { recursive: true });
    await leave(out, false);
    expect(await (await open()).finishFormer()).toEqual({
      manifest: {},
      damaged: 5,
      files: [{ name: 'a', bytes: 1 }],
    });
    rmSync(out, { recursive: true });

    const second = await open();
    await (await second.create('a')).write('a');
    const checkpoint = join(out, 'export.partial.new');
    mkdirSync(checkpoint);
    await expect(second.finish({}, 0)).rejects.toThrow(/EISDIR/);
    rmSync(checkpoint, { recursive: true });
    await second.discard();
    expect(existsSync(out)).toBe(false);
  });

  it('is refused in words if its checkpoint cannot be read', async () => {
    const out = await interrupted();
    writeFileSync(join(out, 'export.partial'), 'of another version');
    await expect(run(out, choices, Infinity)).rejects.toThrow(/another version, or damaged; --force/);
  });
});
