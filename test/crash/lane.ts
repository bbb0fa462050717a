// Runs the rounds that it is sent, reports each round, and sends the counts of acknowledged facts.
import { runRounds, type LaneOptions } from './rounds.js';

// The parent process has gone.
process.once('disconnect', () => process.exit(1));
process.once('message', (options: LaneOptions) => void run(options));

async function run(options: LaneOptions): Promise<void> {
  const acknowledged = await runRounds(options, (line) => process.stdout.write(`${line}\n`));
  process.send!(acknowledged, () => process.disconnect());
}
