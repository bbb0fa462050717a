// Runs the rounds that it is sent, and sends what was acknowledged in them; says each round.
import { runRounds, type LaneOptions } from './rounds.js';

// Nobody is there any more who wants to know.
process.once('disconnect', () => process.exit(1));
process.once('message', (options: LaneOptions) => void run(options));

async function run(options: LaneOptions): Promise<void> {
  const acknowledged = await runRounds(options, (line) => process.stdout.write(`${line}\n`));
  process.send!(acknowledged, () => process.disconnect());
}
