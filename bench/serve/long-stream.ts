import type { TokenCore } from '../../src/core/index.js';
import { tokenCount, type Corpus } from '../lib/corpus.js';
import type { LoadClients } from '../lib/load.js';
import { printTable, ratio, short, spread } from '../lib/table.js';
import { RawClient, retrievePath, retrieveRequest } from '../lib/wire.js';
import { Measured } from './measured.js';
import { storeAll, withServers } from './retrieval.js';

const runs = 5;
const streamsEachRun = 8;

/** One long conversation, one stream of it at a time, beside the bare server. */
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
      const client = new RawClient(stowken!.address);
      const sizes = Buffer.from(Uint32Array.from(await client.stream(retrievePath, request)).buffer);
      client.close();
      const [ours, theirs] = [new Measured(), new Measured()];
      const load = (each: Buffer) => ({
        requests: Array.from({ length: streamsEachRun }, () => each),
        inFlight: 1,
        tokens: streamsEachRun * tokenCount(corpus.conversations),
      });
      for (let run = 0; run < runs; run++) {
        await ours.run(clients, stowken!, retrievePath, load(request));
        await theirs.run(clients, bare!, '/peer.Bare/Stream', load(sizes));
      }
      rows.push([
        name,
        spread(ours.tokenRates, 'tokens/s'),
        spread(theirs.tokenRates, 'tokens/s'),
        ratio(ours.rates, theirs.rates),
        ratio(ours.callsPerCpuSecond, theirs.callsPerCpuSecond),
      ]);
    }
    printTable(
      `one long stream: ${corpus.name}, ${short(tokenCount(corpus.conversations))} tokens; ${runs} interleaved runs, ` +
        `median (lowest to highest); peak memory of stowken ${short(stowken!.memory().peakBytes)}B`,
      ['encoding', 'stowken', 'bare grpc-js', 'stowken / bare', 'per CPU second'],
      rows,
    );
  });
}
