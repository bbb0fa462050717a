import { limits } from '../model/index.js';
import type { AuditEvent, AuditSink } from './event.js';

/** Refusals that a stranger can cause as often as he likes. */
const denials = new Set(['UNAUTHENTICATED', 'PERMISSION_DENIED', 'IDENTITY_UNAVAILABLE', 'RATE_LIMITED']);

/** Key of all kinds of denied calls that are too many to be told apart. */
const others = 'others';

interface Repetition {
  readonly first: AuditEvent;
  count: number;
}

/**
 * Passes events on, and denied calls of one kind (caller, method, reason) once a minute: the first at once,
 * the others as one event with their number. So nobody can push other events out of the log by being refused.
 */
export class Auditor implements AuditSink {
  readonly #repetitions = new Map<string, Repetition>();
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly sink: AuditSink) {}

  record(event: AuditEvent): void {
    if (!denials.has(event.result)) return this.sink.record(event);
    const key = this.#keyOf(event);
    const repetition = this.#repetitions.get(key);
    if (repetition !== undefined) {
      repetition.count += 1;
      return;
    }
    const { timeMs, result } = event;
    const several = { timeMs, peer: '', method: 'several', ids: [], idCount: 0, result, repeated: 0 };
    const first = key === others ? several : event;
    this.#repetitions.set(key, { first, count: 0 });
    this.#timer ??= setTimeout(() => this.flush(), limits.auditRepeatMs).unref();
    this.sink.record(first);
  }

  /** Passes on how many calls were like others, and begins again. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const timeMs = Date.now();
    for (const { first, count } of this.#repetitions.values())
      if (count > 0) this.sink.record({ ...first, timeMs, ids: [], idCount: 0, repeated: count });
    this.#repetitions.clear();
  }

  /** Peers are told apart by their address; above a bound, all others count as one. */
  #keyOf({ identity, peer, method, result }: AuditEvent): string {
    const who = identity ?? peer.replace(/:\d+$/, '');
    const key = JSON.stringify([who, method, result]);
    const isKnown = this.#repetitions.has(key);
    return isKnown || this.#repetitions.size < limits.auditRepetitionsMax ? key : others;
  }
}
