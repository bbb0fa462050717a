import { openSync, readFileSync, writeSync } from 'node:fs';

/**
 * What a worker was about to do to a conversation, and that it was told it is done. Each line is in the
 * kernel's hands before the worker goes on, so that SIGKILL does not take it back.
 */
export interface JournalLine {
  readonly phase: 'begin' | 'done';
  readonly id: string;
  /** What decides the content that is stored; undefined: the conversation is deleted. */
  readonly content: number | undefined;
}

export class Journal {
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, 'a');
  }

  write(line: JournalLine): void {
    writeSync(this.#file, `${JSON.stringify(line)}\n`);
  }
}

/** A last line that is not whole was never acted on. */
export function readJournal(path: string): JournalLine[] {
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as JournalLine);
}
