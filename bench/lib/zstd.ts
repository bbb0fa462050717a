import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Bytes of a zstd frame that a store would leave out: the magic number. */
const MAGIC_BYTES = 4;
const DICTIONARY_BYTES = 112_640;
/** Segments passed to one call of the command. */
const FILES_PER_CALL = 4000;

export interface ZstdSizes {
  readonly plain3: number;
  readonly dictionary3: number;
  readonly dictionary19: number;
  readonly dictionaryBytes: number;
}

/**
 * Sizes of the zstd command's output for each segment on its own, with a dictionary that it trains on others;
 * undefined if there is no such command. No checksums, no dictionary ids, no magic numbers.
 */
export function zstdSizes(
  training: readonly Uint8Array[],
  segments: readonly Uint8Array[],
): ZstdSizes | undefined {
  return withDictionary(training, segments, (files, use, dictionaryBytes) => ({
    plain3: compress(files, ['-3']),
    dictionary3: compress(files, ['-3', ...use]),
    dictionary19: compress(files, ['-19', ...use]),
    dictionaryBytes,
  }));
}

/** Size at level 3 with a dictionary trained on the segments themselves: the unit of the project's aims. */
export function zstd3Bytes(segments: readonly Uint8Array[]): number | undefined {
  return withDictionary(segments, segments, (files, use) => compress(files, ['-3', ...use]));
}

/** Calls `measure` with the folder of the segments and the options that use the dictionary. */
function withDictionary<T>(
  training: readonly Uint8Array[],
  segments: readonly Uint8Array[],
  measure: (files: string, use: readonly string[], dictionaryBytes: number) => T,
): T | undefined {
  if (spawnSync('zstd', ['--version']).status !== 0) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'stowken-zstd-'));
  try {
    const dictionary = join(folder, 'dictionary');
    const samples = write(join(folder, 'training'), training);
    const trained = spawnSync('zstd', [
      '-q',
      '--train',
      `--maxdict=${DICTIONARY_BYTES}`,
      '-r',
      samples,
      '-o',
      dictionary,
    ]);
    const use = trained.status === 0 ? ['-D', dictionary] : [];
    const files = segments === training ? samples : write(join(folder, 'segments'), segments);
    return measure(files, use, use.length > 0 ? statSync(dictionary).size : 0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function write(folder: string, segments: readonly Uint8Array[]): string {
  mkdirSync(folder);
  segments.forEach((segment, index) => writeFileSync(join(folder, `${index}.tokens`), segment));
  return folder;
}

function compress(folder: string, options: readonly string[]): number {
  const files = readdirSync(folder).filter((name) => name.endsWith('.tokens'));
  let bytes = 0;
  for (let at = 0; at < files.length; at += FILES_PER_CALL) {
    const some = files.slice(at, at + FILES_PER_CALL);
    execFileSync('zstd', ['-q', '-f', '--no-check', '--no-dictID', ...options, ...some], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    for (const name of some)
      bytes += Math.min(
        statSync(join(folder, `${name}.zst`)).size - MAGIC_BYTES,
        statSync(join(folder, name)).size,
      );
  }
  return bytes;
}
