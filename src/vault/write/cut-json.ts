const quote = 0x22;
const backslash = 0x5c;

/** Size from which a value is a piece of its own. */
const pieceBytesMin = 512;

interface Range {
  readonly from: number;
  readonly to: number;
}

/** A list or an object that is open, and what is known of the values in it. */
interface OpenValue {
  readonly from: number;
  largestBytes: number;
  pieces: Range[];
}

/**
 * Cuts JSON into pieces that are it again when they are joined: each long value is one, with the values in
 * it, unless one of those is most of it. So a list of tools is a piece, whatever is beside it.
 */
export function cutJson(json: Uint8Array): Uint8Array[] {
  const open: OpenValue[] = [{ from: 0, largestBytes: 0, pieces: [] }];
  const close = (from: number, to: number, inner: readonly Range[], largestBytes: number) => {
    const outer = open.at(-1)!;
    const bytes = to - from;
    outer.largestBytes = Math.max(outer.largestBytes, bytes);
    if (bytes < pieceBytesMin) return;
    if (2 * largestBytes < bytes && open.length > 1) outer.pieces.push({ from, to });
    else outer.pieces.push(...inner);
  };
  for (let at = 0; at < json.length; at++) {
    const byte = json[at]!;
    if (byte === quote) {
      const from = at;
      for (at++; at < json.length && json[at] !== quote; at++) if (json[at] === backslash) at++;
      close(from, at + 1, [], 0);
    } else if (byte === 0x7b || byte === 0x5b) open.push({ from: at, largestBytes: 0, pieces: [] });
    else if ((byte === 0x7d || byte === 0x5d) && open.length > 1) {
      const { from, largestBytes, pieces } = open.pop()!;
      close(from, at + 1, pieces, largestBytes);
    }
  }
  return piecesOf(json, open[0]!.pieces);
}

/** Returns the ranges and what is between them. */
function piecesOf(json: Uint8Array, ranges: readonly Range[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let done = 0;
  for (const { from, to } of ranges) {
    if (from > done) pieces.push(json.subarray(done, from));
    pieces.push(json.subarray(from, to));
    done = to;
  }
  if (done < json.length) pieces.push(json.subarray(done));
  return pieces;
}
