/** Time that long computations take of one turn of the event loop, but for the last one of them in it. */
const shareMs = 10;

/** Those who wait for their turn, the longest waiting first; an immediate is set for each. */
const waiting: (() => void)[] = [];
/** When the first of them went on in this turn of the event loop. */
let beganMs: number | undefined;

/**
 * Resolves in a later turn of the event loop: to be awaited between the parts of a long computation. All that
 * arrived meanwhile is looked at first. Computations share the turns: with an immediate of its own, each of a
 * hundred would go on in every turn, and what arrives would wait for a part of each.
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
    setImmediate(endTurn); // the first immediate of the next turn
  } else if (performance.now() - beganMs > shareMs) {
    setImmediate(goOn);
    return;
  }
  waiting.shift()!();
}

function endTurn(): void {
  beganMs = undefined;
}
