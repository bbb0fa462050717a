import { limits, StowkenError } from '../../model/index.js';
import { FairSlots } from '../../queue/index.js';
import type { Share } from './budget.js';

/** Times of the turns, in milliseconds. */
export interface ArrivalTimes {
  /** Limit of the wait for a turn. */
  readonly waitMs: number;
  /** Time after which the next one has its turn, even if the request has not arrived. */
  readonly turnMs: number;
}

/**
 * Turns in which large requests arrive. If all arrived at once, each would be as slow as all of them, and the
 * processor would copy bytes of requests that are refused in the end. So a few arrive at once, connections
 * take turns, and the others wait before a byte of them is read. A turn is short: a slow client goes on
 * sending after it, and holds nobody up.
 */
export class Arrivals {
  readonly #slots = new FairSlots<Share>({ countMax: limits.largeArrivalsMax });

  constructor(private readonly times: ArrivalTimes) {}

  /**
   * Resolves when the request may arrive. Returns the function to be called when it has.
   * @throws StowkenError OVERLOADED if it has no turn in time; the signal's reason
   */
  async enter(connection: Share, bytes: number, signal: AbortSignal): Promise<() => void> {
    const { waitMs, turnMs } = this.times;
    const wait = { msMax: waitMs, overdue: () => overdue(bytes, waitMs) };
    const leave = await this.#slots.enter({ owner: connection, signal, wait });
    const timer = setTimeout(leave, turnMs);
    return () => {
      clearTimeout(timer);
      leave();
    };
  }
}

/** The turn of one stream. */
export class ArrivalTurn {
  #wait: AbortController | undefined;
  #leave: (() => void) | undefined;

  constructor(
    private readonly arrivals: Arrivals,
    private readonly connection: Share,
  ) {}

  get waiting(): boolean {
    return this.#wait !== undefined;
  }

  /** Calls `entered` when the request may arrive, later; or `refused`; or nothing if the turn was ended. */
  begin(bytes: number, entered: () => void, refused: (error: unknown) => void): void {
    const wait = (this.#wait = new AbortController());
    this.arrivals.enter(this.connection, bytes, wait.signal).then(
      (leave) => {
        if (wait.signal.aborted) return leave();
        this.#wait = undefined;
        this.#leave = leave;
        entered();
      },
      (error: unknown) => {
        if (wait.signal.aborted) return;
        this.#wait = undefined;
        refused(error);
      },
    );
  }

  end(): void {
    this.#wait?.abort();
    this.#wait = undefined;
    this.#leave?.();
    this.#leave = undefined;
  }
}

function overdue(bytes: number, waitMs: number): StowkenError {
  const { largeArrivalsMax: limit, largeRequestBytesMin: least } = limits;
  return new StowkenError(
    'OVERLOADED',
    `the request has ${bytes} bytes; of those with ${least} and more, ${limit} arrive at once, and its turn did not ` +
      `come within ${waitMs} ms; try again`,
    { size: String(bytes), limit: String(limit), waited_ms: String(waitMs) },
  );
}
