// Usage: main.js [--rounds N] [--seed N] [--backend KIND] [--power-cut]
import { parseArgs } from 'node:util';
import { durableKinds, type DurableKind } from './backends.js';
import { runLanes } from './lanes.js';
import { whyNoPowerCut } from './power.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    'power-cut': { type: 'boolean', default: false },
    backend: { type: 'string', multiple: true, default: [...durableKinds] },
  },
});
for (const kind of values.backend) {
  if (!durableKinds.some((known) => known === kind)) {
    throw new Error(`--backend takes ${durableKinds.join(', ')}`);
  }
}
const report = (line: string) => process.stdout.write(`${line}\n`);
const whyNot = values['power-cut'] ? await whyNoPowerCut() : undefined;
if (whyNot !== undefined) {
  report(`the power cannot be cut here: ${whyNot}`);
  process.exit();
}
report(`${values.rounds} rounds with --seed ${values.seed}`);
const acknowledged = await runLanes({
  kinds: values.backend as DurableKind[],
  rounds: Number(values.rounds),
  seed: Number(values.seed),
  powerCut: values['power-cut'],
});
for (const [kind, counts] of acknowledged) {
  const facts = [...counts].map(([about, count]) => `${count} ${about}`).sort();
  report(
    `${kind}: every acknowledged fact was there after each kill, and nothing was damaged: ${facts.join(', ')}`,
  );
}
