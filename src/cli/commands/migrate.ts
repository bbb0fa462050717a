import { once } from 'node:events';
import type { Command } from 'commander';
import { type Context, UsageError } from '../context.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { wholeNumber } from '../options.js';

interface Options {
  readonly storage: string;
  readonly schema?: string;
  readonly partitions?: number;
  readonly json?: true;
}

const epilogue = `
Makes the tables of vaults in a database that speaks PostgreSQL's protocol, or brings them to this version: forward only.
Servers do not do it by themselves: they refuse a database whose tables are older, and one whose tables are newer. Run it
before the servers of a new version are started, as a user that may create tables; servers need none of its rights but to
read and write them. Runs at the same time wait for each other. The driver is a package beside the server: npm install pg@8.

--partitions N divides each vault among N partitions of rows, for a database that spreads them over machines: where
Citus is installed, tables are distributed by them. A segment is stored once in each partition whose conversations name it.
The number is chosen when the tables are made, and stays: another one later is refused. Servers read it from the database.

Exit codes: 0 the tables are of this version, 1 an error was reported on standard error, 2 wrong usage.

Examples:
  stowken migrate --storage postgres://stowken@db.internal/stowken
  stowken migrate --storage postgres://stowken@db.internal/stowken?schema=vaults --json
  stowken migrate --storage postgres://stowken@coordinator/stowken --partitions 16`;

/** `stowken migrate` */
export function addMigrate(program: Command, context: Context, done: Done): void {
  program
    .command('migrate')
    .description('make or update the tables of vaults in a PostgreSQL database')
    .requiredOption('--storage <url>', 'postgres://USER:PASSWORD@HOST:PORT/DATABASE')
    .option(
      '--schema <name>',
      'schema of the tables, created if it is not there; else ?schema= of the URL, else stowken',
    )
    .option('--partitions <n>', 'partitions of each vault (1 if the tables are new)', wholeNumber(1, 1024))
    .option('--json', 'one JSON object: the versions before and after')
    .addHelpText('after', epilogue)
    .action(async ({ storage: url, schema: named, partitions: wanted, json }: Options) => {
      const { output, interruption, migrateStorage } = context;
      if (!/^postgres(ql)?:\/\//.test(url))
        throw new UsageError('--storage takes a URL of the form postgres://USER:PASSWORD@HOST:PORT/DATABASE');
      interruption.onInterrupt(() => 'the tables are as they were, or of this version');
      const interrupted = once(interruption.signal, 'abort').then((): never => {
        throw new Error('interrupted');
      });
      // A database that does not answer is not waited for: it undoes what is not committed.
      const input = {
        url,
        ...(named !== undefined && { schema: named }),
        ...(wanted !== undefined && { partitions: wanted }),
      };
      const migrated = await Promise.race([migrateStorage(input), interrupted]);
      const { schema, from, to, partitions, isDistributed } = migrated;
      if (json) await output.json({ schema, from, to, partitions, distributed: isDistributed });
      else {
        const divided = partitions > 1 ? `, with ${partitions} partitions for each vault` : '';
        const spread = isDistributed ? ', distributed by Citus' : '';
        const since = from === to ? 'already' : 'now';
        await output.line(`the tables in schema ${schema} are of version ${to} ${since}${divided}${spread}`);
      }
      done(exitCodes.done);
    });
}
