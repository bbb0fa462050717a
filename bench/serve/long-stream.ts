import type { TokenCore } from '../../src/core/index.js';
import { tokenCount, type Corpus } from '../lib/corpus.js';
import type { LoadClients } from '../lib/load.js';
import { printTable, ratio, short, spread } from '../lib/table.js';
import { RawClient, retrievePath, retrieveRequest } from '../lib/wire.js';
import { Measured, warmUps } from './measured.js';
import { storeAll, withServers } from './retrieval.js';

const runs = 5;
const streamsEachRun = 8;

/** Measures one long conversation, one stream of it at a time, beside the bare server. */
export async function measureLongStream(
  core: TokenCore,
  clients: LoadClients,
  corpus: Corpus,
): Promise<void> {
  await withServers(['stowken', 'bare grpc-js'], async ([stowken, bare]) => {
    await storeAll(core, clients, stowken!, corpus);
    const { id } = corpus.conversations[0]!;
    const rows: string[][] = [];
    for (const [name, encoding] of [
      ['TOKENS', 1],
      ['LE32', 2],
    ] as const) {
      const request = retrieveRequest(id, encoding);
      const tokens = tokenCount(corpus.conversations);
      const first = new Measured();
      await first.run(clients, stowken!, retrievePath, { requests: [request], inFlight: 1, tokens });
      const client = new RawClient(stowken!.address);
      const sizes = Buffer.from(Uint32Array.from(await client.stream(retrievePath, request)).buffer);
      client.close();
      const [ours, theirs] = [new Measured(), new Measured()];
      const load = (each: Buffer) => ({
        requests: Array.from({ length: streamsEachRun }, () => each),
        inFlight: 1,
        tokens: streamsEachRun * tokens,
      });
      for (let run = -warmUps; run < runs; run++) {
        const [one, other] = run < 0 ? [new Measured(), new Measured()] : [ours, theirs];
        await one.run(clients, stowken!, retrievePath, load(request));
        await other.run(clients, bare!, '/peer.Bare/Stream', load(sizes));
      }
      rows.push([
        name,
        `${short(first.tokenRates[0]!)} tokens/s`,
        spread(ours.tokenRates, 'tokens/s'),
        spread(theirs.tokenRates, 'tokens/s'),
        ratio(ours.rates, theirs.rates),
        ratio(ours.callsPerCpuSecond, theirs.callsPerCpuSecond),
      ]);
    }
    printTable(
      `one long stream: ${corpus.name}, ${short(tokenCount(corpus.conversations))} tokens; ${runs} interleaved runs after ${warmUps} to warm up, ` +
        `median (lowest to highest); peak memory of stowken ${short(stowken!.memory().peakBytes)}B`,
      ['encoding', 'stowken, the first time', 'stowken', 'bare grpc-js', 'stowken / bare', 'per CPU second'],
      rows,
    );
  });
}
