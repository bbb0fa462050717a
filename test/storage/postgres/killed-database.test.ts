import { mkdtempSync, chmodSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createLiveCodec } from '../../../src/codec/index.js';
import { migratePostgres, openPostgresBackend } from '../../../src/storage/index.js';
import { listOf } from '../../contract/long-lists.js';
import { core, longSegment, message, storing } from '../../contract/support.js';
import { stopPostgres } from '../../../bench/lib/postgres-programs.js';
import { postgresMissing, restartPostgres, startPostgres } from '../../support/postgres.js';
import { sampleOr } from '../../support/sample.js';

const ownOnly = process.env['STOWKEN_TEST_URL'] !== undefined;

describe.skipIf(postgresMissing !== undefined || ownOnly)(
  'a database that is killed under its servers',
  () => {
    it('has everything that was answered, once, and each call ends', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'stowken-killed-'));
      chmodSync(folder, 0o711);
      const data = join(folder, 'data');
      const durable = ['fsync=on', 'synchronous_commit=on'];
      const url = await startPostgres(data, durable);
      try {
        await migratePostgres({ url });
        const open = () =>
          openPostgresBackend({ url, codec: createLiveCodec(core), clock: Date.now, patienceMs: 60_000 });
        const servers = [await open(), await open()];
        const stored: string[] = [];
        let appended = 0;
        let done = false;
        await servers[0]!.commit(storing('grown', []));
        const work = servers.flatMap((server, s) =>
          [0, 1].map(async (w) => {
            for (let n = 0; !done; n++) {
              const id = `c${s}-${w}-${n}`;
              const segments = [longSegment(30, n), longSegment(31, n * 4 + s * 2 + w)];
              await server.commit(storing(id, segments));
              stored.push(id);
              const said = longSegment(7, n * 4 + s * 2 + w);
              const append = {
                id: 'grown',
                messages: [{ ...message('user', said), toolCallId: id }],
                timeMs: 2,
              };
              await server.commit({ newSegments: [said], append });
              appended += 1;
            }
          }),
        );
        for (let kills = sampleOr(2, 12); kills > 0; kills--) {
          await sleep(700);
          stopPostgres(data);
          restartPostgres(data, Number(new URL(url).port), durable);
        }
        await sleep(500);
        done = true;
        await Promise.all(work);
        expect(await servers[1]!.check()).toEqual([]);
        expect(await servers[0]!.stats()).toMatchObject({ conversations: stored.length + 1 });
        const list = (await listOf(servers[1]!, 'grown'))!;
        expect(list).toHaveLength(appended);
        expect(new Set(list.map(({ toolCallId }) => toolCallId)).size).toBe(appended);
        expect(await servers[0]!.getConversation('grown')).toMatchObject({ revision: appended + 1 });
        for (const server of servers) await server.close();
      } finally {
        stopPostgres(data);
        rmSync(folder, { recursive: true, force: true });
      }
    });
  },
);
