// Stores, replaces, refers, deletes, collects and compacts under load, in a vault of each kind, and journals
// the acknowledged facts, until it is killed. Arguments: folder of the vaults, folder of the journals, round,
// seed, backend kinds. Waits for its standard input before it opens the vaults, so that it can be started
// ahead. Reports when all are open, when each has acknowledged a change, when each has acknowledged rewritten
// frames, and when each has acknowledged that segments are gone.
import { once } from 'node:events';
import { createLiveCodec } from '../../src/codec/index.js';
import { loadCore } from '../../src/core/index.js';
import { journalOf, openDurable, vaultOf, type DurableKind } from './backends.js';
import { Contents, SEGMENTS } from './content.js';
import { Journal } from './facts.js';
import { changeConversations } from './load/conversations.js';
import { compact } from './load/compaction.js';
import { collectGarbage, deleteSegments } from './load/garbage.js';
import { changeReferences } from './load/references.js';
import { tidySpace } from './load/space.js';
import type { Load } from './load/load.js';
import { Random } from './random.js';

const [vaults, journals, round, seed, ...kinds] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  ...DurableKind[],
];
const say = (word: string) => process.stdout.write(`${word}\n`);
const core = await loadCore();
// Does everything once that is slow the first time.
const warm = new Contents(core, createLiveCodec(core));
for (let segment = 0; segment < SEGMENTS; segment++) warm.encoded(segment);
await once(process.stdin, 'data');
// The process that would kill it has gone.
process.stdin.once('end', () => process.exit(1));

/** Calls back once, when every vault has reached this point. */
const whenAll = (callback: () => void) => {
  const missing = new Set(kinds);
  return (kind: DurableKind) => {
    if (missing.delete(kind) && missing.size === 0) callback();
  };
};
const working = whenAll(() => say('working'));
const rewriting = whenAll(() => say('rewriting'));
const collecting = whenAll(() => say('collecting'));
const opening = kinds.map(async (kind): Promise<Load> => {
  const codec = createLiveCodec(core);
  const journal = new Journal(journalOf(journals, kind, round), (facts) => {
    working(kind);
    if (facts.some(([name]) => name.startsWith('frame/'))) rewriting(kind);
    if (facts.some(([name]) => name.startsWith('gone/'))) collecting(kind);
  });
  const backend = await openDurable(kind, vaultOf(vaults, kind), { codec, core });
  return { backend, core, codec, journal, contents: new Contents(core, codec) };
});
const loads = await Promise.all(opening);
say('open');
// Rounds alternate, so that the index of a label is begun, built or taken away when the kill comes.
const labels = [['user'], ['user', 'session'], ['session']][Number(round) % 3]!;
const labelling = loads.map(({ backend }) => backend.setLabels?.(labels));

const clients = [
  ...Array<typeof compact>(8).fill(changeConversations),
  ...Array<typeof compact>(3).fill(changeReferences),
  deleteSegments,
  collectGarbage,
  compact,
];
await Promise.all([
  ...labelling,
  ...loads.map(tidySpace),
  ...loads.flatMap((load) =>
    clients.map((client, index) => client(load, index, new Random(Number(seed) + index))),
  ),
]);
