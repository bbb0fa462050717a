// Stores, lets fsync fail, and prints the store's errors. Arguments: the build, a folder, the file that makes
// it fail.
import { rmSync, writeFileSync } from 'node:fs';
const [build, folder, fail] = process.argv.slice(2);
const { openLmdbBackend } = await import(`${build}/src/storage/index.js`);
const { createLiveCodec } = await import(`${build}/src/codec/index.js`);
const { loadCore } = await import(`${build}/src/core/index.js`);

const backend = await openLmdbBackend({ folder, codec: createLiveCodec(await loadCore()), clock: Date.now });
const store = (id) => {
  const spec = {
    id,
    application: '',
    model: '',
    tokenizer: '',
    parentId: '',
    expireTimeMs: undefined,
    metadata: {},
  };
  return backend.commit({ put: { spec, messages: [], expect: { kind: 'absentOrSame' }, timeMs: 1 } });
};
const outcome = (promise) =>
  promise.then(
    () => 'done',
    ({ reason }) => reason,
  );

const outcomes = [await outcome(store('before'))];
writeFileSync(fail, '');
outcomes.push(...(await Promise.all([outcome(store('a')), outcome(store('b'))])));
outcomes.push(await outcome(store('c')));
rmSync(fail);
outcomes.push(await outcome(store('d')));
const { conversation } = (await backend.openConversation('before')) ?? {};
process.stdout.write(JSON.stringify({ outcomes, health: backend.health(), read: conversation?.id }));
await backend.close();
