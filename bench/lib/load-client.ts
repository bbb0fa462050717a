// A process that calls a server as fast as it answers, on the instructions of its parent (see load.ts).
import { Connection } from './connection.js';
import type { LoadAnswer, LoadJob } from './load.js';

process.on('message', (job: LoadJob) => {
  void run(job).then(
    (answer) => process.send!(answer),
    (error: unknown) => process.send!({ failure: String(error) } satisfies LoadAnswer),
  );
});
process.on('disconnect', () => process.exit(0));

async function run(job: LoadJob): Promise<LoadAnswer> {
  const { addresses, path, requests, inFlight, connections, secure } = job;
  const opened: Connection[] = [];
  for (let n = 0; n < connections; n++)
    opened.push(await Connection.open(addresses[n % addresses.length]!, secure));
  const latenciesMs: number[] = [];
  let bytes = 0;
  let next = 0;
  const work = async (connection: Connection): Promise<void> => {
    while (next < requests.length) {
      const request = requests[next++]!;
      const started = performance.now();
      const came = await connection.call(path, request);
      bytes += came;
      latenciesMs.push(performance.now() - started);
    }
  };
  const cpuBefore = process.cpuUsage();
  // All processes use one clock.
  const beganMs = Date.now();
  try {
    await Promise.all(Array.from({ length: inFlight }, (_, n) => work(opened[n % connections]!)));
    const endedMs = Date.now();
    const { user, system } = process.cpuUsage(cpuBefore);
    return { beganMs, endedMs, latenciesMs, bytes, cpuSeconds: (user + system) / 1e6 };
  } finally {
    for (const connection of opened) connection.close();
  }
}
