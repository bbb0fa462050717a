/** One line of a file; numbers begin at 1. */
export interface Line {
  readonly number: number;
  /** Without its end; undefined when it is longer than the limit, and was passed over. */
  readonly bytes: Buffer | undefined;
}

const newline = 0x0a;

/** Splits bytes into lines, holding one line and one chunk at most. The last line may lack its end. */
export async function* splitLines(
  source: AsyncIterable<Buffer>,
  lineBytesMax: number,
): AsyncGenerator<Line, void, void> {
  let number = 1;
  let held: Buffer[] = [];
  let heldBytes = 0;

  const hold = (piece: Buffer) => {
    heldBytes += piece.length;
    if (heldBytes > lineBytesMax) held = [];
    else held.push(piece);
  };
  const release = (): Line => {
    const bytes = heldBytes > lineBytesMax ? undefined : Buffer.concat(held);
    held = [];
    heldBytes = 0;
    return { number: number++, bytes };
  };

  for await (const chunk of source) {
    let from = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, from)) {
      hold(chunk.subarray(from, end));
      from = end + 1;
      yield release();
    }
    if (from < chunk.length) hold(chunk.subarray(from));
  }
  if (heldBytes > 0) yield release();
}
