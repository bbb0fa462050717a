import type { Violation } from '../client/index.js';
import { printable } from '../model/index.js';

export function violationLine({ invariant, subject, detail }: Violation): string {
  return printable(`${invariant}: ${subject}: ${detail}`);
}

/** As JSON has it. */
export function plainViolation({ invariant, subject, detail }: Violation): Violation {
  return { invariant, subject, detail };
}
