import type { IncomingHttpHeaders } from 'node:http2';
import type { Caller } from '../access/index.js';
import { StowkenError } from '../../model/index.js';
import { Account } from './account.js';
import type { ByteBudget, Share } from './budget.js';
import type { Gathered } from './slabs.js';

/** The stream of a request. */
export interface RequestStream {
  /** True if nothing arrived in this turn of the event loop: a reset behind the data would be known. */
  readonly settled: boolean;
  readonly caller: Caller;
}

/** Resources that a request holds until its release. */
export interface Charge {
  readonly budget: ByteBudget;
  readonly share: Share;
  readonly bytes: number;
  /** Leaves the place of a large request. */
  readonly leave: (() => void) | undefined;
}

/**
 * A whole request message, uncompressed and paid for. Its charge is returned once: by its handler when the
 * work on it has ended, or by its stream if no handler has claimed it.
 */
export class IncomingRequest {
  /** Set while the request is on its way through grpc-js. */
  ticket: number | undefined;
  #charged: boolean;
  #claimed = false;

  constructor(
    private readonly message: Gathered,
    private readonly stream: RequestStream,
    private readonly charge: Charge,
  ) {
    this.#charged = charge.bytes > 0;
  }

  /** True if nothing arrived in this turn of the event loop. */
  get settled(): boolean {
    return this.stream.settled;
  }

  get caller(): Caller {
    return this.stream.caller;
  }

  get chargedBytes(): number {
    return this.charge.bytes;
  }

  get claimed(): boolean {
    return this.#claimed;
  }

  /** Transfers the duty to return the charge to the caller. */
  claim(): Buffer {
    this.#claimed = true;
    return this.message.bytes;
  }

  /** Opens an account for data that its handler keeps beyond the request. */
  openAccount(): Account {
    return new Account(this.charge.budget, this.charge.share);
  }

  /** Returns the charge and the place, and the memory of the bytes if it is reused. */
  release(): void {
    if (!this.#charged) return;
    this.#charged = false;
    const { budget, share, bytes, leave } = this.charge;
    budget.give(share, bytes);
    leave?.();
    this.message.release?.();
  }
}

const header = 'grpc-timeout';
const pattern = /^(\d{1,8})([HMSmun])$/;
const unitMs: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 0.001,
  n: 0.000001,
};
/** Longest timeout that grpc-js computes without overflow. */
const secondsMax = Math.floor((2 ** 31 - 1) / 1000);

/**
 * Checks a call's timeout against the gRPC specification. A timeout that grpc-js would read as a negative
 * number is shortened to its maximum of 24 days. (grpc-js looks for a timeout anywhere in the header: from
 * "-1S" it reads "1S".)
 * @throws StowkenError MALFORMED_CALL
 */
export function checkTimeout(headers: IncomingHttpHeaders): void {
  const value = headers[header];
  if (value === undefined) return;
  const [, amount, unit] = pattern.exec(String(value)) ?? [];
  if (amount === undefined || unit === undefined) {
    const told = JSON.stringify(value);
    throw new StowkenError(
      'MALFORMED_CALL',
      `${header} is ${told}; it is 1 to 8 digits and one of H, M, S, m, u and n`,
      { field: header, value: String(value) },
    );
  }
  if (Number(amount) * unitMs[unit]! > secondsMax * 1000) headers[header] = `${secondsMax}S`;
}
