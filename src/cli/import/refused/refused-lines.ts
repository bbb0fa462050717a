import { BadLine, BadShape, notAnObject, notJson } from '../bad-line.js';
import { mayHoldObject } from './json-ends.js';
import { LinePattern } from './line-pattern.js';
import { isNoJson } from './no-json.js';
import { isSilent } from './silent-line.js';

/** Limit of the patterns that are held: those that were met last. */
const patternsMax = 8;

/** Patterns that are made, though none of them was met since: most files have few shapes. */
const vainMax = 32;
/** Part of the refused lines that become a pattern after that. */
const oneOf = 64;

/** Lines that are looked at for being no JSON, after one that was none. */
const lookedAt = 64;

interface Refused {
  readonly pattern: LinePattern;
  readonly kind: string;
  readonly hasNoSentences: boolean;
}

/**
 * The lines that were refused: one like them is refused for the same reason without being parsed, so that a
 * file of a million bad lines costs little more than reading it.
 */
export class RefusedLines {
  #hasNoObjects = false;
  /** True if a line of this file said something: a silent one may be a record of its kind. */
  #hasSpoken = false;
  /** Kind of the refusals of silent lines; undefined until one was refused. */
  #silent: string | undefined;
  #lookFor = 0;
  #made = 0;
  #patterns: Refused[] = [];

  /** Remembers why a line was refused. */
  add(line: Buffer | undefined, error: unknown): void {
    if (!(error instanceof BadLine) || line === undefined) return;
    if (error.kind === notAnObject) this.#hasNoObjects = true;
    if (error.kind === notJson) this.#lookFor = lookedAt;
    if (!(error instanceof BadShape)) return;
    // Another line without sentences may have been refused for what a key that tells has.
    if (error.hasNoSentences && !this.#hasSpoken && isSilent(line)) this.#silent = error.kind;
    this.#made++;
    if (this.#made > vainMax && this.#made % oneOf !== 0) return;
    const { kind, hasNoSentences } = error;
    const pattern = LinePattern.of(line, hasNoSentences);
    if (pattern)
      this.#patterns = [{ pattern, kind, hasNoSentences }, ...this.#patterns].slice(0, patternsMax);
  }

  /** Forgets silent lines of another file: one like them may be taken in this one. */
  beginFile(): void {
    this.spoken();
    this.#hasSpoken = false;
  }

  /** Forgets lines that were refused because they said nothing: one like them may be taken now. */
  spoken(): void {
    this.#hasSpoken = true;
    this.#silent = undefined;
    this.#patterns = this.#patterns.filter(({ hasNoSentences }) => !hasNoSentences);
  }

  /**
   * Returns the kind of the refusal of a line that is like one that was refused; undefined for any other.
   * `mayBeOther`: the line may be an event of a session, or the list of a whole file, whatever its shape.
   */
  kindOf(line: Buffer | undefined, mayBeOther: boolean): string | undefined {
    if (line === undefined || line.length === 0) return undefined;
    if (!mayHoldObject(line)) return this.#hasNoObjects ? notAnObject : undefined;
    if (this.#lookFor > 0) {
      this.#lookFor = isNoJson(line) ? lookedAt : this.#lookFor - 1;
      if (this.#lookFor === lookedAt) return notJson;
    }
    if (mayBeOther) return undefined;
    return (
      this.#kindByPattern(line) ?? (this.#silent !== undefined && isSilent(line) ? this.#silent : undefined)
    );
  }

  #kindByPattern(line: Buffer): string | undefined {
    const patterns = this.#patterns;
    for (let at = 0; at < patterns.length; at++) {
      const each = patterns[at]!;
      if (!each.pattern.matches(line)) continue;
      this.#made = 0;
      // The next line is most likely one of these, too.
      if (at > 0) this.#patterns = [each, ...patterns.filter((other) => other !== each)];
      return each.kind;
    }
    return undefined;
  }
}
