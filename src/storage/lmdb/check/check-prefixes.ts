import { wholeBlocks } from '../../prefix-blocks.js';
import { guarded, intact, type Report } from './check-report.js';
import { readHeader } from '../conversations/conversations.js';
import type { Tables } from '../tables/environment.js';
import type { NameOf } from '../conversations/manifest.js';
import { placesIn } from '../prefix/prefix-places.js';
import {
  applicationOfKey,
  blocksOf,
  childKey,
  decodePrefixRun,
  endKey,
  runEnd,
  runKey,
  type PrefixEnd,
  type PrefixRun,
} from '../prefix/prefix-run.js';
import { decodeKeyChunk, type KeyEntry } from '../tables/key-chunk.js';
import { chunkKeyOf, KeyIndex } from '../tables/key-index.js';
import type { Table } from '../tables/table.js';

const INVARIANT = 'prefix-index';

/** The prefix index: runs, the ways to them, and where conversations end in them. Frames are not looked at. */
export function* checkPrefixes(
  tables: Tables,
  nameOf: NameOf,
  report: Report,
): Generator<number, void, void> {
  const applications = new RunApplications(tables);
  const children = new KeyIndex(tables.prefixChildren);
  const ends = new KeyIndex(tables.prefixEnds);
  let runs = 0;
  for (const { key, value } of intact(tables.prefixRuns, report, INVARIANT, (run) => `run ${run}`)) {
    const subject = `run ${key}`;
    runs += 1;
    guarded(report, INVARIANT, subject, () => {
      const run = decodePrefixRun(value);
      const before = run.parent === 0 ? 0 : endOfRun(tables, run.parent);
      if (run.start !== before) report(INVARIANT, subject, 'does not begin where the run before it ends');
      const atEnd = endKey({ run: key, depth: runEnd(run), conversation: 0 });
      if (!leadsOn(ends, atEnd, runKey(key)) && !leadsOn(children, runKey(key), runKey(key))) {
        report(INVARIANT, subject, 'has blocks that no conversation has');
      }
    });
    yield 0;
  }
  let ways = 0;
  for (const { key, number } of entriesIn(tables.prefixChildren, 'ways to runs', report)) {
    ways += 1;
    guarded(report, INVARIANT, 'a way to a run', () => {
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
  for (const { key, value } of intact(tables.prefixPlaces, report, INVARIANT, () => 'a record of places')) {
    guarded(report, INVARIANT, 'a record of places', () => {
      for (const [conversation, place] of placesIn(key, value)) {
        places += 1;
        checkPlace(tables, nameOf, report, { conversation, ...place }, applications);
        if (ends.find(endKey({ conversation, ...place })) === undefined) {
          report(INVARIANT, `conversation number ${conversation}`, `does not end in run ${place.run}`);
        }
      }
    });
    yield 0;
  }
  let endsFound = 0;
  for (const found = entriesIn(tables.prefixEnds, 'ends of conversations', report); !found.next().done;) {
    endsFound += 1;
    yield 0;
  }
  if (endsFound !== places) {
    report(INVARIANT, 'conversations', `${places} have a place, and ${endsFound} end in runs`);
  }
}

/** Whether a conversation is where its place says, as far as the runs tell. */
function checkPlace(
  tables: Tables,
  nameOf: NameOf,
  report: Report,
  { conversation: number, run: runNumber, depth }: PrefixEnd,
  applications: RunApplications,
): void {
  const subject = `conversation number ${number}`;
  guarded(report, INVARIANT, subject, () => {
    const record = tables.conversations.get(number);
    const conversation = record && readHeader(record, nameOf).conversation;
    const run = readRun(tables, runNumber);
    if (!conversation || !run || depth <= run.start || depth > runEnd(run)) {
      report(INVARIANT, subject, `has no place in run ${runNumber}`);
    } else if (depth > wholeBlocks(conversation.totalTokens)) {
      report(INVARIANT, subject, 'has fewer blocks than it is found by');
    } else if (applications.of(runNumber) !== conversation.application) {
      report(INVARIANT, subject, 'is found by another application');
    }
  });
}

/** The entries of a key index; says where they do not decode, or are not in order: then looking them up fails. */
function* entriesIn(table: Table<Buffer>, what: string, report: Report): Generator<KeyEntry, void, void> {
  let before: Buffer | undefined;
  for (const { key: chunkKey, value } of intact(table, report, INVARIANT, () => what)) {
    let entries: KeyEntry[] = [];
    guarded(report, INVARIANT, what, () => (entries = decodeKeyChunk(value)));
    for (const entry of entries) {
      const inOrder =
        (!before || before.compare(entry.key) < 0) && chunkKeyOf(entry.key).compare(chunkKey) >= 0;
      if (!inOrder) report(INVARIANT, what, 'are not in order');
      before = entry.key;
      yield entry;
    }
  }
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

/** Whether the first entry from a key on begins with these bytes. */
function leadsOn(index: KeyIndex, from: Buffer, beginning: Buffer): boolean {
  // A loop ends what it iterates over: a range that is left open keeps its state of the vault from being let go.
  for (const { key } of index.from(from)) return key.subarray(0, beginning.length).equals(beginning);
  return false;
}
