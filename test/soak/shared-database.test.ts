import { expect, it } from 'vitest';
import { postgresPrograms } from '../../bench/lib/postgres-programs.js';
import { sampleOr } from '../support/sample.js';
import { soakShared } from './shared-database.js';

// Without PostgreSQL's programs there is no database to kill; storage/postgres/installed.test.ts says so.
it.skipIf(postgresPrograms === undefined)(
  'servers of one database lose nothing and make nothing twice when they and it are killed',
  async () => {
    const killsPerRound = sampleOr(3, 12);
    const lines: string[] = [];
    const load = { minutes: 0, killSeconds: 0.5, killsPerRound, clients: 3, servers: 3, seed: 1 };
    const { servers, databases } = await soakShared(load, (line) => lines.push(line));
    expect(databases).toBeGreaterThan(0);
    expect(servers + databases).toBe(killsPerRound);
    expect(lines.at(-1)).toContain('verify clean');
  },
);
