// Appends records to a log, each synced, while others sync files beside it; notes each record once its sync
// has returned. Uses none of the project's code. Arguments: a folder of the disk, the file for the notes,
// which is on another disk.
import { openSync, writeSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { logName, recordOf } from './append-log.js';

const [disk, notes] = process.argv.slice(2) as [string, string];

async function append(): Promise<never> {
  const noted = openSync(notes, 'w');
  const log = await open(join(disk, logName), 'w');
  const folder = await open(disk, 'r');
  await folder.sync();
  await folder.close();
  let length = 0;
  for (let number = 1; ; number++) {
    length += (await log.write(recordOf(number), 0, undefined, length)).bytesWritten;
    await log.datasync();
    writeSync(noted, `${number}\n`);
    if (number === 1) process.stdout.write('working\n');
  }
}

async function replace(name: string): Promise<never> {
  for (;;) {
    const file = await open(join(disk, `${name}.new`), 'w');
    await file.writeFile(recordOf(0));
    await file.sync();
    await file.close();
    await rename(join(disk, `${name}.new`), join(disk, name));
  }
}

await Promise.all([append(), ...['a', 'b', 'c'].map(replace)]);
