import { parseArgs } from 'node:util';
import { durableKinds, type DurableKind } from './backends.js';
import { runLanes } from './lanes.js';
import { whyNoPowerCut } from './power.js';
import { runServerRounds } from './server/rounds.js';

const usage = `Kills what writes a vault, again and again; every acknowledged change must be there afterwards.

  --rounds N      kills (20)
  --seed N        the same kills and the same load again; each run prints its own
  --backend KIND  lmdb or filesystem, once or more: processes that write it themselves (both)
  --power-cut     cuts the power of a mounted disk too
  --workers N     servers of N workers instead: all workers at once, workers in hand-over of connections, the primary
                  alone, everything
  --flips         with --workers: also flips bits in copies of the vault between a kill and the next start; the answer is
                  the right one or an error, or the server refuses to start
  --help

Ends with what was seen. Code 0: nothing was lost and no answer was wrong.
`;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    workers: { type: 'string' },
    flips: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
    'power-cut': { type: 'boolean', default: false },
    backend: { type: 'string', multiple: true, default: [...durableKinds] },
  },
});
for (const kind of values.backend) {
  if (!durableKinds.some((known) => known === kind)) {
    throw new Error(`--backend takes ${durableKinds.join(', ')}`);
  }
}
if (values.help) {
  process.stdout.write(usage);
  process.exit();
}
const report = (line: string) => process.stdout.write(`${line}\n`);
const whyNot = values['power-cut'] ? await whyNoPowerCut() : undefined;
if (whyNot !== undefined) {
  report(`the power cannot be cut here: ${whyNot}`);
  process.exit();
}
report(`${values.rounds} rounds with --seed ${values.seed}`);
if (values.workers !== undefined) {
  const [rounds, seed, workers] = [values.rounds, values.seed, values.workers].map(Number) as [
    number,
    number,
    number,
  ];
  const summary = await runServerRounds({ rounds, seed, workers, flips: values.flips }, report);
  for (const line of ['', 'what was seen', ...summary.lines()]) report(line);
  process.exit();
}
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
