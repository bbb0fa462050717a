/**
 * Reads a file of runs (tokenizers/make-classes.mjs): yields for each the code point at which it ends, and
 * the value of all before it. @throws Error if they are not all code points
 */
export function* runsOf(file: Uint8Array): Generator<readonly [number, number], void, void> {
  let end = 0;
  for (let at = 0; at < file.length; at++) {
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = file[at++]!;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    end += length;
    yield [end, file[at]!];
  }
  if (end !== 0x11_0000) throw new Error('the runs of code points are damaged');
}
