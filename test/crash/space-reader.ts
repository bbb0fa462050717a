// Reads a vault that another process writes, again and again, as a worker does, and compares what it reads
// with what its name says. Prints a line for each round, with the number of conversations read; ends when its
// standard input does. Argument: folder.
import { createLiveCodec } from '../../src/codec/index.js';
import { loadCore } from '../../src/core/index.js';
import { isStowkenError } from '../../src/model/index.js';
import { openLmdbReader } from '../../src/storage/index.js';
import { tokensOf } from './space-content.js';

const [folder] = process.argv.slice(2) as [string];
const codec = createLiveCodec(await loadCore());
const reader = await openLmdbReader({ folder, codec, lease: () => () => undefined, sharers: 1 });
let isOpen = true;
process.stdin.on('end', () => (isOpen = false)).resume();
while (isOpen) {
  let read = 0;
  const { conversations } = await reader.listConversations({
    filter: {},
    order: 'newestFirst',
    limit: 200,
    scanLimit: 1000,
  });
  for (const { id } of conversations) {
    try {
      const snapshot = await reader.openConversation(id);
      if (!snapshot) continue;
      const [message] = await snapshot.read(0, 1);
      snapshot.release();
      const frames = await reader.readFrames(message!.segments.map(({ key }) => key));
      const tokens = frames.flatMap((frame) => {
        const bytes = codec.decodeLe32(frame).slice();
        return [...new Uint32Array(bytes.buffer)];
      });
      if (String(tokens) !== String(tokensOf(id))) throw new Error(`${id} has other tokens`);
      read += 1;
    } catch (error) {
      // It was deleted and collected meanwhile: nobody holds a lease for this process.
      const isGone =
        isStowkenError(error, 'SEGMENT_NOT_FOUND') || isStowkenError(error, 'CONVERSATION_NOT_FOUND');
      if (!isGone) throw error;
    }
  }
  process.stdout.write(`${read}\n`);
  await new Promise(setImmediate);
}
await reader.close();
