import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Asked } from './fill.js';

export interface Flip {
  readonly file: string;
  readonly at: number;
  readonly bit: number;
}

/** Outcome of the questions after a flip. */
interface Outcome {
  readonly same: number;
  readonly errors: Readonly<Record<string, number>>;
  /** Questions with a wrong answer. */
  readonly wrong: readonly string[];
}

export interface Summary {
  flips: number;
  /** All answers were equal. */
  same: number;
  /** Some questions were refused, all others answered as before. */
  refused: number;
  /** The process ended. */
  died: number;
  readonly reasons: Record<string, number>;
  readonly wrong: { readonly flip: Flip; readonly questions: readonly string[] }[];
}

export interface FlipPlan extends Asked {
  readonly kind: 'lmdb' | 'large lmdb' | 'filesystem';
  /** The intact vault, closed, and the folder of its copies with a flip. */
  readonly whole: string;
  readonly work: string;
  readonly flips: readonly Flip[];
}

const build = resolve(import.meta.dirname, '../../../build');

/** Time without an answer after which the process counts as hanging, which no damage may cause. */
const HANGS_MS = 120_000;

/** Time in which a process that hangs answers a debugger, if its JavaScript runs. */
const DEBUGGER_MS = 10_000;

/** Asks everything after each flip, in a process that is restarted after a flip that ended it. */
export async function runFlips(plan: FlipPlan, planFile: string): Promise<Summary> {
  writeFileSync(planFile, JSON.stringify(plan));
  const summary: Summary = { flips: 0, same: 0, refused: 0, died: 0, reasons: {}, wrong: [] };
  for (let from = 0; from < plan.flips.length;) {
    const before = from;
    const died = await runChild(planFile, from, (index, outcome) => {
      count(summary, plan.flips[index]!, outcome);
      from = index + 1;
    });
    if (from < plan.flips.length && died === undefined)
      throw new Error('the process ended without an answer');
    if (died?.beforeAny && from === before) throw new Error(`the process did not begin: ${died.stderr}`);
    if (died && from < plan.flips.length) {
      summary.died += 1;
      summary.flips += 1;
      from += 1;
    }
  }
  return summary;
}

function count(summary: Summary, flip: Flip, { errors, wrong }: Outcome): void {
  summary.flips += 1;
  for (const reason of Object.keys(errors)) summary.reasons[reason] = (summary.reasons[reason] ?? 0) + 1;
  if (wrong.length > 0) summary.wrong.push({ flip, questions: wrong });
  else if (Object.keys(errors).length > 0) summary.refused += 1;
  else summary.same += 1;
}

/**
 * Resolves when the process has ended: with its output, if it was not at the end of its list. One that hangs
 * and answers no debugger has ended, too: LMDB wrote over the heap, which ends most processes at once, and
 * leaves others waiting for a lock of malloc.
 */
function runChild(
  planFile: string,
  from: number,
  onOutcome: (index: number, outcome: Outcome) => void,
): Promise<{ readonly beforeAny: boolean; readonly stderr: string } | undefined> {
  return new Promise((settle, reject) => {
    const script = join(import.meta.dirname, 'ask.mjs');
    const child = spawn(process.execPath, ['--inspect-port=0', script, build, planFile, String(from)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stderr = '';
    let hung = false;
    const hang = () => {
      child.kill('SIGUSR1'); // Node starts its debugger, also in an endless loop.
      timer = setTimeout(() => {
        hung = stderr.includes('Debugger listening');
        child.kill('SIGKILL');
      }, DEBUGGER_MS);
    };
    let timer = setTimeout(hang, HANGS_MS);
    child.stderr.on('data', (bytes: Buffer) => (stderr = (stderr + bytes.toString()).slice(-2000)));
    createInterface(child.stdout).on('line', (line) => {
      clearTimeout(timer);
      timer = setTimeout(hang, HANGS_MS);
      const at = line.indexOf(' ');
      onOutcome(Number(line.slice(0, at)), JSON.parse(line.slice(at)) as Outcome);
    });
    child.on('error', reject);
    child.on('close', (code, ended) => {
      clearTimeout(timer);
      if (hung) reject(new Error(`no answer for ${HANGS_MS} ms after flip ${from} or one behind it`));
      else settle(code === 0 ? undefined : { beforeAny: code === 1 && ended === null, stderr });
    });
  });
}

/** Returns one flip in every byte of every file of a folder. */
export function everyByte(folder: string, random: () => number): Flip[] {
  const flips: Flip[] = [];
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
    const path = join(folder, file);
    if (!statSync(path).isFile()) continue;
    const { length } = readFileSync(path);
    for (let at = 0; at < length; at++) flips.push({ file, at, bit: Math.floor(random() * 8) });
  }
  return flips;
}

/** Returns so many of a list, at random, in its order. */
export function sampled<T>(items: readonly T[], count: number, random: () => number): T[] {
  const share = count / items.length;
  return items.filter(() => random() < share);
}
