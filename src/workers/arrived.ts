import { PackedMessages, type Change } from '../storage/index.js';

/** A change that has come from another process: what was packed there is plain fields until it is made whole again. */
export function arrived(change: Change): Change {
  const { put } = change;
  if (put === undefined || !isPacked(put.messages)) return change;
  const { blocks, length } = put.messages;
  return { ...change, put: { ...put, messages: new PackedMessages(blocks, length) } };
}

function isPacked(messages: object): messages is Pick<PackedMessages, 'blocks' | 'length'> {
  return 'blocks' in messages;
}
