// Compacts a vault and prints each resume token, then how it ended. Arguments: backend kind, folder, resume
// token.
import { createLiveCodec } from '../../src/codec/index.js';
import { loadCore } from '../../src/core/index.js';
import { createTokenizers } from '../../src/text/index.js';
import { createVault, SearchThreads } from '../../src/vault/index.js';
import { openDurable, type DurableKind } from './backends.js';

const [kind, folder, resumeToken] = process.argv.slice(2) as [DurableKind, string, string];
const core = await loadCore();
const codec = createLiveCodec(core);
const backend = await openDurable(kind, folder, { codec, core });
const tokenizers = createTokenizers({ threadsMax: 1 });
const vault = createVault({
  name: 'default',
  ...{ backend, core, codec, tokenizers, searchThreads: new SearchThreads(1) },
  clock: Date.now,
});
const input = {
  dryRun: false,
  minSavingsRatio: 0.01,
  segmentsMax: undefined,
  bytesMax: undefined,
  timeMsMax: undefined,
  resumeToken,
};
const say = (line: string) => process.stdout.write(`${line}\n`);
for await (const part of vault.compact(input, new AbortController().signal)) {
  if (part.kind === 'progress') say(part.resumeToken);
  if (part.kind === 'summary') say(`end ${part.end}`);
}
await backend.close();
await tokenizers.close();
