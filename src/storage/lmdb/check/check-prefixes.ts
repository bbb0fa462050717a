import { wholeBlocks } from '../../prefix-blocks.js';
import { guarded, type Report } from './check-report.js';
import { readHeader } from '../conversations/conversations.js';
import type { Tables } from '../tables/environment.js';
import type { NameOf } from '../conversations/manifest.js';
import { decodeNumber } from '../prefix/prefix-index.js';
import {
  applicationOfKey,
  blocksOf,
  childKey,
  decodePrefixPlace,
  decodePrefixRun,
  endKey,
  endOfKey,
  runEnd,
  runKey,
  type PrefixRun,
} from '../prefix/prefix-run.js';

const INVARIANT = 'prefix-index';

/** The prefix index: runs, the ways to them, and where conversations end in them. Frames are not looked at. */
export function* checkPrefixes(
  tables: Tables,
  nameOf: NameOf,
  report: Report,
): Generator<number, void, void> {
  const applications = new RunApplications(tables);
  let runs = 0;
  for (const { key, value } of tables.prefixRuns.range()) {
    const subject = `run ${key}`;
    runs += 1;
    guarded(report, INVARIANT, subject, () => {
      const run = decodePrefixRun(value);
      const before = run.parent === 0 ? 0 : endOfRun(tables, run.parent);
      if (run.start !== before) report(INVARIANT, subject, 'does not begin where the run before it ends');
      const deepest = deepestEnd(tables, key);
      if (deepest !== runEnd(run) && !hasChildren(tables, key)) {
        report(INVARIANT, subject, 'has blocks that no conversation has');
      }
    });
    yield 0;
  }
  let ways = 0;
  for (const { key, value } of tables.prefixChildren.range()) {
    ways += 1;
    guarded(report, INVARIANT, 'a way to a run', () => {
      const number = decodeNumber(value);
      const run = readRun(tables, number);
      const application = run?.parent === 0 ? applicationOfKey(key) : '';
      if (!run || !key.equals(childKey(run.parent, blocksOf(run.blocks, 0, 1), application))) {
        report(INVARIANT, `run ${number}`, 'is not what leads to it');
      } else if (run.parent === 0) applications.set(number, application);
    });
    yield 0;
  }
  if (ways !== runs) report(INVARIANT, 'runs', `there are ${runs}, and ways to ${ways}`);
  let places = 0;
  for (const { key, value } of tables.prefixPlaces.range()) {
    const subject = `conversation number ${key}`;
    places += 1;
    guarded(report, INVARIANT, subject, () => {
      const { run: number, depth } = decodePrefixPlace(value);
      const record = tables.conversations.get(key);
      const conversation = record && readHeader(record, nameOf).conversation;
      const run = readRun(tables, number);
      if (!conversation || !run || depth <= run.start || depth > runEnd(run)) {
        report(INVARIANT, subject, `has no place in run ${number}`);
      } else if (depth > wholeBlocks(conversation.totalTokens)) {
        report(INVARIANT, subject, 'has fewer blocks than it is found by');
      } else if (applications.of(number) !== conversation.application) {
        report(INVARIANT, subject, 'is found by another application');
      }
      if (!tables.prefixEnds.get(endKey({ run: number, depth, conversation: key }))) {
        report(INVARIANT, subject, `does not end in run ${number}`);
      }
    });
    yield 0;
  }
  let ends = 0;
  for (const { key } of tables.prefixEnds.range()) {
    ends += 1;
    if (!tables.prefixPlaces.get(endOfKey(key).conversation)) {
      report(
        INVARIANT,
        `conversation number ${endOfKey(key).conversation}`,
        'ends in a run and has no place',
      );
    }
    yield 0;
  }
  if (ends !== places) report(INVARIANT, 'conversations', `${places} have a place, and ${ends} end in runs`);
}

function readRun(tables: Pick<Tables, 'prefixRuns'>, number: number): PrefixRun | undefined {
  const record = tables.prefixRuns.get(number);
  return record && decodePrefixRun(record);
}

/** Which application's each run is: that of the first run on the way to it. */
class RunApplications {
  readonly #known = new Map<number, string>();

  constructor(private readonly tables: Pick<Tables, 'prefixRuns'>) {}

  set(firstRun: number, application: string): void {
    this.#known.set(firstRun, application);
  }

  /** Undefined where the way is broken. @throws StowkenError CORRUPT_STORE */
  of(number: number): string | undefined {
    const passed: number[] = [];
    let start = Infinity;
    for (let at = number; ;) {
      const application = this.#known.get(at);
      if (application !== undefined) {
        for (const run of passed) this.#known.set(run, application);
        return application;
      }
      const run = readRun(this.tables, at);
      // Runs before a run begin before it: a way that does not is a circle.
      if (!run || run.start >= start || run.parent === 0) return undefined;
      passed.push(at);
      start = run.start;
      at = run.parent;
    }
  }
}

function endOfRun(tables: Tables, number: number): number | undefined {
  const run = readRun(tables, number);
  return run && runEnd(run);
}

function deepestEnd(tables: Tables, number: number): number | undefined {
  const key = tables.prefixEnds.floorKey(runKey(number + 1));
  const end = key && endOfKey(key);
  return end?.run === number ? end.depth : undefined;
}

function hasChildren(tables: Tables, number: number): boolean {
  const children = tables.prefixChildren.range({ start: runKey(number), end: runKey(number + 1), limit: 1 });
  for (const { key } of children) return key.length > 0;
  return false;
}
