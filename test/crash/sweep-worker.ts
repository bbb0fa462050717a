// Sweeps a vault and prints a line for each batch. If it is asked to, joins half-empty pages, and prints a
// line for each step of it. Then prints "end". Arguments: backend kind, folder, the time, "join" or nothing.
import { createLiveCodec } from '../../src/codec/index.js';
import { loadCore } from '../../src/core/index.js';
import { collectGarbage } from '../../src/vault/maintain/collect.js';
import { sweep } from '../../src/vault/index.js';
import { openDurable, type DurableKind } from './backends.js';

const [kind, folder, time, joins] = process.argv.slice(2) as [DurableKind, string, string, 'join'?];
const core = await loadCore();
const backend = await openDurable(kind, folder, { codec: createLiveCodec(core), core });
const { signal } = new AbortController();
const rules = { lifetimes: undefined, keep: [], conversationsMax: 0, contentBytesMax: 0 };
const say = (line: string) => process.stdout.write(`${line}\n`);
for await (const deleted of sweep(
  backend,
  () => rules,
  () => Number(time),
  signal,
))
  say(String(deleted));
const options = { dryRun: false, minAgeMs: 0, nowMs: Date.now() };
for await (const { kind: part } of collectGarbage(backend, options, signal)) say(part);
if (joins) {
  // Asked after each of the transactions in which pages are joined.
  const asked = Object.defineProperty(new AbortController().signal, 'aborted', {
    get() {
      say('join');
      return false;
    },
  });
  await backend.defragment?.(asked);
}
await backend.close();
say('end');
