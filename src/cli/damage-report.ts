import type { Writable } from 'node:stream';
import type { DamagedConversation, Violation } from '../client/index.js';
import { printable, shellWord } from '../model/index.js';
import { describeError } from './errors.js';

/** Reports damaged conversations on standard error, and counts them. */
export class DamageReport {
  count = 0;

  constructor(private readonly stderr: Writable) {}

  readonly add = ({ id, error }: DamagedConversation): void => {
    this.count += 1;
    this.stderr.write(
      `${id === '' ? 'a conversation without an id' : shellWord(id)}: ${printable(describeError(error))}\n`,
    );
  };
}

export function violationLine({ invariant, subject, detail }: Violation): string {
  return printable(`${invariant}: ${subject}: ${detail}`);
}

/** Returns a violation for JSON output. */
export function plainViolation({ invariant, subject, detail }: Violation): Violation {
  return { invariant, subject, detail };
}
