import { limits, StowkenError } from '../../model/index.js';
import { FairSlots } from '../../queue/index.js';
import type { Share } from './budget.js';

/** Times of the turns, in milliseconds. */
export interface ArrivalTimes {
  /** Limit of the wait for a turn. */
  readonly waitMs: number;
  /** Time after which the next one has its turn, if the request has not arrived. */
  readonly turnMs: number;
}

/** A place among the large requests. */
interface Place {
  /** Stops the clock: the request has arrived, and keeps its place until it is left. */
  readonly arrived: () => void;
  readonly leave: () => void;
}

/**
 * Turns in which large requests arrive and are worked on. If all arrived at once, each would be as slow as
 * all of them, and the processor would copy bytes of requests that are refused in the end. So a few are there
 * at once, connections take turns, and the others wait before a byte of them is read. A slow client goes on
 * sending after its turn, and holds nobody up.
 */
export class Arrivals {
  readonly #slots = new FairSlots<Share>({ countMax: limits.largeArrivalsMax });

  constructor(private readonly times: ArrivalTimes) {}

  /**
   * Resolves when the request may arrive.
   * @throws StowkenError OVERLOADED if it has no turn in time; the signal's reason
   */
  async enter(connection: Share, bytes: number, signal: AbortSignal): Promise<Place> {
    const { waitMs, turnMs } = this.times;
    const wait = { msMax: waitMs, overdue: () => overdue(bytes, waitMs) };
    const leave = await this.#slots.enter({ owner: connection, signal, wait });
    const timer = setTimeout(leave, turnMs);
    const arrived = () => clearTimeout(timer);
    return {
      arrived,
      leave: () => {
        arrived();
        leave();
      },
    };
  }
}

/** The turn of one stream. */
export class ArrivalTurn {
  #wait: AbortController | undefined;
  #place: Place | undefined;

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
      (place) => {
        if (wait.signal.aborted) return place.leave();
        this.#wait = undefined;
        this.#place = place;
        entered();
      },
      (error: unknown) => {
        if (wait.signal.aborted) return;
        this.#wait = undefined;
        refused(error);
      },
    );
  }

  /** Reports that the request has arrived. */
  arrived(): void {
    this.#place?.arrived();
  }

  /** Hands the place over: returns the function that leaves it, if there is one. */
  handOver(): (() => void) | undefined {
    const place = this.#place;
    this.#place = undefined;
    return place?.leave;
  }

  end(): void {
    this.#wait?.abort();
    this.#wait = undefined;
    this.handOver()?.();
  }
}

function overdue(bytes: number, waitMs: number): StowkenError {
  const { largeArrivalsMax: limit, largeRequestBytesMin: least } = limits;
  return new StowkenError(
    'OVERLOADED',
    `the request has ${bytes} bytes; of those with ${least} and more, ${limit} are taken at once, and its turn did not ` +
      `come within ${waitMs} ms; try again`,
    { size: String(bytes), limit: String(limit), waited_ms: String(waitMs) },
  );
}
