// Usage: main.js [--rounds N] [--seed N] [--backend KIND]
import { parseArgs } from 'node:util';
import { durableKinds, type DurableKind } from './backends.js';
import { runRounds } from './rounds.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    backend: { type: 'string', multiple: true, default: [...durableKinds] },
  },
});
for (const kind of values.backend) {
  if (!durableKinds.some((known) => known === kind)) {
    throw new Error(`--backend takes ${durableKinds.join(', ')}`);
  }
}
const report = (line: string) => process.stdout.write(`${line}\n`);
report(`${values.rounds} rounds with --seed ${values.seed}`);
const acknowledged = await runRounds({
  kinds: values.backend as DurableKind[],
  rounds: Number(values.rounds),
  seed: Number(values.seed),
  report,
});
for (const [kind, counts] of acknowledged) {
  const facts = [...counts].map(([about, count]) => `${count} ${about}`).sort();
  report(
    `${kind}: every acknowledged fact was there after each kill, and nothing was damaged: ${facts.join(', ')}`,
  );
}
