import { createLiveCodec, trainHere } from '../../../src/codec/index.js';
import type { NewSegment } from '../../../src/storage/index.js';
import { codec, core, longSegment } from '../../contract/support.js';

/** Sizes around every border of the schemas: tiny, a pack's rest, half a page, several pages. */
const sizes = [1, 2, 3, 5, 8, 30, 60, 400, 660, 700, 1340, 1350, 2500, 4100];
const plain = sizes.flatMap((size) => [longSegment(size, 1), longSegment(size, 2), longSegment(size, 3)]);
export const SEGMENTS = plain.length;

/**
 * Each is trained on other segments than the next: a segment that one makes small stays large with another.
 */
export const registries = [1, 2, 3, 4, 5, 6].map((id) => {
  const some = plain.filter((_, index) => index % 7 !== id && index % 5 !== id % 5);
  return trainHere(
    core.module,
    some.map(({ frame }) => codec.decode(frame)),
    { id },
  );
});

/** Every segment without a registry, and with each of them: [registry id, or 0][segment]. */
const framed: readonly (readonly NewSegment[])[] = [
  plain,
  ...registries.map((bytes) => {
    const coder = createLiveCodec(core);
    coder.add(bytes);
    return plain.map((each) => ({ ...each, frame: coder.encode(codec.decode(each.frame)) }));
  }),
];

/** Returns a segment in the frame of this registry; 0: in varints. */
export function segmentIn(index: number, registryId: number): NewSegment {
  return framed[registryId]![index]!;
}
