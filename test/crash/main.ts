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
for (const backend of values.backend) {
  const kind = backend as DurableKind;
  if (!durableKinds.includes(kind)) throw new Error(`--backend takes ${durableKinds.join(', ')}`);
  const report = (line: string) => process.stdout.write(`${kind}: ${line}\n`);
  report(`${values.rounds} rounds with seed ${values.seed}`);
  const acknowledged = await runRounds({
    kind,
    rounds: Number(values.rounds),
    seed: Number(values.seed),
    report,
  });
  report(
    `every one of ${acknowledged} acknowledged changes was there after each kill, and nothing was damaged`,
  );
}
