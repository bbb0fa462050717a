import { openSync, readFileSync, writeSync } from 'node:fs';

/**
 * Facts that changes establish, by name; null: absent. Each is changed by one client, one change at a time:
 *
 * - conversation/ID: its content
 * - holder/NAME/SEGMENT: 1, if that outside holder refers to the segment
 * - registry/ID: 1
 * - frame/KEY: the registry of the frame of the segment with that key, 0 for none; only while it is stored
 * - gone/KEY: 1, if the segment with that key has been deleted
 */
export type Fact = readonly [name: string, value: FactValue];
export type FactValue = number | string | null;

/** Values that each fact may have. */
export type PossibleFacts = Map<string, FactValue[]>;

/**
 * Facts that a worker was about to establish, and those acknowledged to it. Each line is in the kernel's
 * hands before the worker continues, so that SIGKILL does not lose it.
 */
export class Journal {
  readonly #file: number;

  /** `onDone` is called with the facts of each change that was acknowledged. */
  constructor(
    path: string,
    private readonly onDone: (facts: readonly Fact[]) => void,
  ) {
    this.#file = openSync(path, 'a');
  }

  begin(facts: readonly Fact[]): void {
    this.#write('begin', facts);
  }

  done(facts: readonly Fact[]): void {
    this.#write('done', facts);
    this.onDone(facts);
  }

  /**
   * Records facts that were read before they are changed: they were not acknowledged, and must be among those
   * promised.
   */
  seen(facts: readonly Fact[]): void {
    this.#write('seen', facts);
  }

  #write(phase: Phase, facts: readonly Fact[]): void {
    writeSync(this.#file, facts.map((fact) => `${JSON.stringify([phase, ...fact])}\n`).join(''));
  }
}

type Phase = 'begin' | 'done' | 'seen';

/** Acknowledged facts by their kind. */
export type FactCounts = Map<string, number>;

export function addCounts(sums: FactCounts, counts: FactCounts): void {
  for (const [about, count] of counts) sums.set(about, (sums.get(about) ?? 0) + count);
}

/** Continues from the facts before, and counts those that were acknowledged. */
export function replayJournal(path: string, possible: PossibleFacts): FactCounts {
  const acknowledged: FactCounts = new Map();
  // An incomplete last line was never acted on.
  for (const line of readFileSync(path, 'utf8').split('\n').slice(0, -1)) {
    const [phase, name, value] = JSON.parse(line) as [Phase, ...Fact];
    if (phase === 'begin') {
      possible.set(name, [...(possible.get(name) ?? [null]), value]);
    } else if (phase === 'seen') {
      const values = possible.get(name);
      if (values && !values.includes(value)) throw new Error(`${name} was ${value}, not ${values.join()}`);
      possible.set(name, [value]);
    } else {
      possible.set(name, [value]);
      const about = name.slice(0, name.indexOf('/'));
      acknowledged.set(about, (acknowledged.get(about) ?? 0) + 1);
    }
  }
  return acknowledged;
}
