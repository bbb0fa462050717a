import { assert } from '../../model/index.js';

export type Eventually<T> = T | Promise<T>;

/**
 * Work that is written once for storages that answer at once and for those that answer later: a generator
 * that yields the promises it has to wait for. atOnce() and inTurn() run it.
 */
export type Steps<T> = Generator<Promise<unknown>, T, unknown>;

/** Waits for a result, if it is not there yet. */
export function* settled<T>(result: Eventually<T>): Steps<T> {
  return result instanceof Promise ? ((yield result) as T) : result;
}

/** Runs steps that never have to wait. */
export function atOnce<T>(steps: Steps<T>): T {
  const step = steps.next();
  assert(step.done === true, 'nothing is waited for');
  return step.value;
}

/** Runs steps one after the other, waiting where they wait. */
export async function inTurn<T>(steps: Steps<T>): Promise<T> {
  for (let step = steps.next(); ;) {
    if (step.done) return step.value;
    let settledTo: unknown;
    try {
      settledTo = await step.value;
    } catch (error) {
      step = steps.throw(error);
      continue;
    }
    step = steps.next(settledTo);
  }
}
