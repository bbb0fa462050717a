/** True if long tests run whole: STOWKEN_TEST_ALL is set. The gate runs a sample of each. */
export const testsAll = process.env['STOWKEN_TEST_ALL'] !== undefined;

/** Returns the size of a long test: a sample in the gate, the whole with STOWKEN_TEST_ALL=1. */
export function sampleOr<T>(sample: T, whole: T): T {
  return testsAll ? whole : sample;
}
