import { isStowkenError, StowkenError } from '../../../model/index.js';
import type { CheckOptions, Violation } from '../../checks.js';

/** What a check has found so far, and how far it is. */
export class Findings {
  readonly violations: Violation[] = [];
  #done = 0;

  constructor(
    private readonly total: number,
    private readonly options: CheckOptions,
  ) {}

  report(invariant: string, subject: string, detail: string): void {
    this.violations.push({ invariant, subject, detail });
  }

  stray(path: string): void {
    this.report('stray-file', path, 'it is not part of the vault, and is ignored');
  }

  /** Reports a record that does not decode, and goes on. */
  async guarded(invariant: string, subject: string, look: () => Promise<void>): Promise<void> {
    try {
      await look();
    } catch (error) {
      if (!isStowkenError(error)) throw error;
      this.report(invariant, subject, error.message);
    }
  }

  /** One more conversation or segment is looked at. @throws StowkenError CANCELLED */
  progress(): void {
    const { onProgress, signal } = this.options;
    if (signal?.aborted) throw new StowkenError('CANCELLED', 'the check was cancelled');
    this.#done += 1;
    onProgress?.(this.#done, this.total);
  }
}
