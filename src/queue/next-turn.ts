/** Time in one turn of the event loop after which no other long computation continues in it. */
const shareMs = 10;

/** Callers that wait for their turn, the longest waiting first; an immediate is set for each. */
const waiting: (() => void)[] = [];
/** Time at which the first of them continued in this turn of the event loop. */
let beganMs: number | undefined;

/**
 * Resolves in a later turn of the event loop: to be awaited between the parts of a long computation. All
 * events that arrived meanwhile are handled first. Computations share the turns. If each had an immediate of
 * its own, a hundred would all continue in every turn, and an event would wait for a part of each.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    setImmediate(goOn);
  });
}

function goOn(): void {
  if (beganMs === undefined) {
    beganMs = performance.now();
    setImmediate(endTurn); // The first immediate of the next turn.
  } else if (performance.now() - beganMs > shareMs) {
    setImmediate(goOn);
    return;
  }
  waiting.shift()!();
}

function endTurn(): void {
  beganMs = undefined;
}
