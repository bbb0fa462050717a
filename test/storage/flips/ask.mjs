// Opens a vault with one flipped bit, asks all questions, and compares the answers with those of the intact
// vault: for one flip after the other. Arguments: the build, and a file with the flips. Prints a line for
// each.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
const [build, planFile, fromText] = process.argv.slice(2);
const { createLiveCodec } = await import(`${build}/src/codec/index.js`);
const { loadCore } = await import(`${build}/src/core/index.js`);
const { openFilesystemBackend, openLmdbBackend } = await import(`${build}/src/storage/index.js`);
const { createTokenizers } = await import(`${build}/src/text/index.js`);
const { createVault } = await import(`${build}/src/vault/index.js`);
const { Environment } = await import(`${build}/src/storage/lmdb/tables/environment.js`);
const { checkDataFile } = await import(`${build}/src/storage/lmdb/data-file/check-data-file.js`);
const { PageFile } = await import(`${build}/src/storage/lmdb/data-file/page-file.js`);
const { PageDamage } = await import(`${build}/src/storage/lmdb/data-file/tree-page.js`);
const { isNew } = await import(`${build}/src/storage/lmdb/tables/meta.js`);
const { createLmdbBackend } = await import(`${build}/src/storage/lmdb/lmdb-backend.js`);

const { kind, whole, work, flips, hashes, ids, prefix, replayed, again, held } = JSON.parse(
  readFileSync(planFile, 'utf8'),
);
const core = await loadCore();
const tokenizers = createTokenizers({ threadsMax: 1 });
const { signal } = new AbortController();
const clock = () => 1_700_000_000_000;
const words = (tokens) => new Uint8Array(Uint32Array.from(tokens).buffer);

async function open() {
  const codec = createLiveCodec(core);
  const options = { folder: work, codec, core, clock, lock: false };
  const backend = await openers[kind](options);
  return { backend, vault: createVault({ name: 'default', backend, core, codec, tokenizers, clock }) };
}

const openers = {
  lmdb: (options) => openLmdbBackend({ ...options, durability: 'relaxed' }),
  // Opened as a file that is too large for its leaves to be read before.
  'large lmdb': async ({ folder, codec }) => {
    checkWithoutLeaves(join(folder, 'vault.mdb'));
    const environment = await Environment.open(folder, { sync: false });
    isNew(environment.tables);
    return createLmdbBackend(environment, undefined, codec, clock, false);
  },
  filesystem: (options) => openFilesystemBackend({ ...options, fsync: false }),
};

function checkWithoutLeaves(path) {
  const file = PageFile.open(path);
  try {
    checkDataFile(file, { leaves: false });
  } catch (error) {
    throw error instanceof PageDamage ? Object.assign(error, { reason: 'CORRUPT_STORE' }) : error;
  } finally {
    file.close();
  }
}

/** A store as a plan has it. */
function input({ messages, ...others }) {
  const contentOf = ({ content }) => ({ kind: 'le32', bytes: words(content) });
  return { ...others, messages: messages.map((message) => ({ ...message, content: contentOf(message) })) };
}

/** Removes the keys of segments, which belong to the storage. */
function plain(name, value) {
  if (name === 'key') return undefined;
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;
}

/** Returns the vault's answer to each question: a text, or the reason of a refusal. */
async function answers() {
  const found = new Map();
  const ask = async (question, answer) => {
    try {
      found.set(question, JSON.stringify(await answer(), plain));
    } catch (error) {
      found.set(question, new Error(error.reason ?? `UNTYPED ${error}`));
    }
  };
  let opened;
  await ask('open', async () => void (opened = await open()));
  if (!opened) return found;
  const { vault, backend } = opened;
  try {
    // A page reports the conversations that it cannot read: that is an error, not another answer.
    const list = async (filter, order) => {
      const page = await vault.list({ filter, order, limit: 1000, scanLimit: 1000 });
      if (page.damaged) throw Object.assign(new Error(), { reason: 'CORRUPT_STORE (item)' });
      return page.conversations;
    };
    for (const order of ['newestFirst', 'oldestFirst']) await ask(`list ${order}`, () => list({}, order));
    await ask('list application', () => list({ application: 'other' }, 'oldestFirst'));
    for (const user of ['user 0', 'user 1', 'nobody'])
      await ask(`list ${user}`, () => list({ metadata: { user } }, 'newestFirst'));
    for (const id of ids) {
      await ask(`get ${id}`, () => vault.get(id));
      await ask(`describe ${id}`, () => vault.getWithMessages(id));
      await ask(`retrieve ${id}`, async () => {
        const parts = [];
        for await (const batch of vault.retrieve({ id, encoding: 'le32' }, signal)) parts.push(...batch);
        return parts;
      });
    }
    for (const application of kind === 'filesystem' ? [] : ['chat', undefined])
      await ask(`prefix ${application}`, () =>
        vault.findPrefix(
          {
            content: { kind: 'le32', bytes: words(prefix) },
            tokenizer: '',
            application,
            minTokens: 0,
            limit: 10,
          },
          signal,
        ),
      );
    for (const hash of hashes) {
      await ask(`has ${hash}`, () => vault.hasSegments([hash]).then(unwrapped));
      await ask(`segment ${hash}`, async () => {
        const parts = [];
        for await (const part of vault.getSegments({ hashes: [hash], encoding: 'le32' }, signal))
          parts.push(part);
        return unwrapped(parts);
      });
    }
    await ask('garbage', async () => {
      const { segments, damaged } = await vault.listGarbage({ limit: 1000 });
      if (damaged?.length > 0) throw damaged[0].error;
      return segments.map(({ hash, tokenCount }) => `${hash} ${tokenCount}`).sort();
    });
    if (kind !== 'filesystem') {
      const groupBy = ['day', 'hour', 'application', 'model', 'tokenizer'];
      const all = { groupBy, labels: ['user'], fromMs: 0, beforeMs: Number.MAX_SAFE_INTEGER, timeZone: '' };
      await ask('usage', () => vault.usage(all, signal));
    }
    await ask('registries', async () =>
      (await vault.listRegistries()).map(({ id, bytes }) => ({ id, bytes })),
    );
    await ask('stats', async () => ({ ...(await vault.stats()), inUseBytes: 0, fileBytes: 0 }));
    await ask('replay', () => vault.store(input(replayed), signal));
    // Repeated stores of existing content change nothing.
    for (const store of again ?? [])
      await ask(`store again ${store.spec.id}`, () => vault.store(input(store), signal));
    for (const reference of held ?? [])
      await ask(`hold again ${reference.holder}`, () => vault.addReferences([reference]).then(unwrapped));
    await ask('the same stats', async () => ({ ...(await vault.stats()), inUseBytes: 0, fileBytes: 0 }));
  } finally {
    await backend.close().catch(() => undefined);
  }
  return found;
}

function unwrapped(parts) {
  for (const { error } of parts) if (error) throw error;
  return parts;
}

function fresh() {
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  cpSync(whole, work, { recursive: true });
}

fresh();
const expected = await answers();
for (const [question, answer] of expected)
  if (answer instanceof Error)
    throw new Error(`the whole vault does not answer ${question}: ${answer.message}`);
for (let index = Number(fromText); index < flips.length; index++) {
  const { file, at, bit } = flips[index];
  fresh();
  const bytes = readFileSync(join(whole, file));
  bytes[at] ^= 1 << bit;
  writeFileSync(join(work, file), bytes);
  const found = await answers();
  const outcome = { same: 0, errors: {}, wrong: [] };
  for (const [question, answer] of found) {
    if (answer instanceof Error) outcome.errors[answer.message] = (outcome.errors[answer.message] ?? 0) + 1;
    else if (answer === expected.get(question)) outcome.same += 1;
    else outcome.wrong.push(question);
  }
  process.stdout.write(`${index} ${JSON.stringify(outcome)}\n`);
}
await tokenizers.close();
