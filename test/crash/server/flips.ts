import { cpSync, openSync, readSync, closeSync, fstatSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { connect, isClientError, isUnreachable } from '../../../src/client/index.js';
import { compareRead } from '../../soak/compare.js';
import type { SoakClient } from '../../soak/client.js';
import { startStowken, type StowkenProcess } from '../../support/process.js';
import type { Random } from '../random.js';
import { Broken } from '../verify.js';
import type { Summary } from './summary.js';

const FLIPS_MAX = 4;
/** Reasons with which a server may refuse to read a conversation of a damaged vault. */
const damageReasons = ['CORRUPT_SEGMENT', 'CORRUPT_STORE'] as const;

/**
 * Flips bits in a copy of a vault that nobody has open, starts a server on it and reads everything that was
 * acknowledged. The server may refuse to start, and may refuse to read a conversation, but may not give a
 * wrong answer.
 * @throws Broken
 */
export async function readDamaged(
  vault: string,
  clients: readonly SoakClient[],
  workers: number,
  random: Random,
  summary: Summary,
): Promise<void> {
  const copy = `${vault}-damaged`;
  // The owner's socket belongs to its process, and LMDB recreates its lock.
  cpSync(vault, copy, { recursive: true, filter: (path) => !/\/(owner-[^/]*|vault\.mdb-lock)$/.test(path) });
  const flips = flipBits(join(copy, 'vault.mdb'), 1 + random.below(FLIPS_MAX), random);
  try {
    const server = await startOn(copy, workers, summary);
    if (server === undefined) return;
    try {
      await readAll(server, clients, summary);
    } finally {
      await server.kill('SIGKILL');
    }
  } catch (error) {
    throw new Broken(`after flips of ${flips.join()} in a copy of ${vault}: ${String(error)}`);
  }
  rmSync(copy, { recursive: true });
}

/** Returns the numbers of the bits. */
function flipBits(path: string, count: number, random: Random): number[] {
  const file = openSync(path, 'r+');
  try {
    const { size } = fstatSync(file);
    return Array.from({ length: count }, () => {
      const [at, bit] = [random.below(size), random.below(8)];
      const byte = Buffer.alloc(1);
      readSync(file, byte, 0, 1, at);
      byte[0]! ^= 1 << bit;
      writeSync(file, byte, 0, 1, at);
      return at * 8 + bit;
    });
  } finally {
    closeSync(file);
  }
}

/** Resolves to undefined if the server refuses to start, with an error message. */
async function startOn(
  folder: string,
  workers: number,
  summary: Summary,
): Promise<StowkenProcess | undefined> {
  try {
    return await startStowken('--data', folder, '--workers', String(workers), '--log-level', 'silent');
  } catch (error) {
    // A signal: LMDB can end a process on damaged pages. No answer was wrong.
    summary.count(/SIG[A-Z]+/.test(String(error)) ? 'damage: ended at start' : 'damage: refused at start');
    return undefined;
  }
}

async function readAll(
  server: StowkenProcess,
  clients: readonly SoakClient[],
  summary: Summary,
): Promise<void> {
  const client = connect({ server: server.address });
  try {
    for (const { journal } of clients) {
      for (const [id, content] of journal.conversations) {
        // Its result is unknown.
        if (id === journal.unanswered?.id) continue;
        try {
          await compareRead(client, id, content);
          summary.count('damage: right answer');
        } catch (error) {
          if (damageReasons.some((reason) => isClientError(error, reason))) summary.count('damage: said');
          else if (isUnreachable(error)) summary.count('damage: server ended');
          else throw error;
        }
      }
    }
  } finally {
    client.close();
  }
}
