import type { Conversation } from '../../../model/index.js';
import { type Board, BOARD_KEY, decodeBoard, decodeRisen, RISEN_KEY } from '../board/board.js';
import { decodeConversationPack } from '../cold/pack-decoder.js';
import { decodeHead } from '../cold/pack-head.js';
import { decodeDirectory } from '../conversations/block-directory.js';
import { decodeManifest } from '../conversations/conversations.js';
import type { StringOf } from '../conversations/manifest.js';
import { decodeFreedBlocks } from '../conversations/message-blocks.js';
import { decodeMessages, type ListedMessage } from '../conversations/message-list.js';
import { decodeRequest, requestKey } from '../conversations/requests.js';
import { decodeDimensions, DIMENSIONS_KEY, GROUP_RANGE } from '../lists/dimensions.js';
import { decodeGroup, decodeUsage } from '../lists/usage.js';
import { decodeLedger, USAGE_KEY, type UsageLedger } from '../lists/usage-ledger.js';
import { decodeTokenizer } from '../tables/kept-tokenizers.js';
import { decodePostings } from '../lists/posting-chunk.js';
import { decodePack } from '../packs/pack.js';
import { placesIn } from '../radix/conversation-nodes.js';
import { nodesIn } from '../radix/node-group.js';
import { blockCount, edgeOfKey, endOfKey } from '../radix/nodes.js';
import { baseOf, entriesIn, lastOf } from '../segments/index-chunk.js';
import { PRINT_BITS } from '../segments/dense-chunk.js';
import { recentEntries } from '../segments/recent-hashes.js';
import { countsIn, decodeBigCount, decodeGarbage } from '../segments/ref-counts.js';
import { referenceOfKey } from '../segments/references.js';
import { decodeRecord } from '../segments/registries.js';
import { decodeBoundedChunk } from '../tables/bounded-chunk.js';
import { decodeKeyChunk } from '../tables/key-chunk.js';
import { decodeIdentity, decodeState, IDENTITY_KEY, OWNER_KEY, STATE_KEY } from '../tables/meta.js';
import { numberOfKey, type tableKeys, type TableName } from '../tables/table-keys.js';

type KeyOf<Name extends TableName> = (typeof tableKeys)[Name] extends 'u32' ? number : Buffer;

/**
 * Format of a table's records, for people: what a record is, its key, and its value as the store's own
 * decoders give it. Values with `entries` hold many things; each entry has the key of one.
 */
export interface TableFormat<K extends number | Buffer> {
  readonly what: string;
  readonly keyOf: (key: K) => string;
  /** @throws StowkenError CORRUPT_STORE */
  readonly decode: (key: K, value: Buffer, stringOf: StringOf) => object;
  /** Returns the key by what a person knows of it. */
  readonly asked?: (text: string) => string;
  /** Other names under which a person may look for the record. */
  readonly aliases?: (value: object) => readonly string[];
}

/** Declares every table of the layout once: a table without a format does not compile. */
export const tableFormats: { readonly [Name in TableName]: TableFormat<KeyOf<Name>> } = {
  meta: {
    what: "the vault's id, its state, its owner's socket, its most shared segments",
    keyOf: (key) => metaNames.get(key) ?? String(key),
    decode: (key, value) => {
      if (key === IDENTITY_KEY) return snake(decodeIdentity(value));
      if (key === USAGE_KEY) return ledgerFields(decodeLedger(value));
      if (key === DIMENSIONS_KEY) return { dimensions: decodeDimensions(value) };
      if (key === BOARD_KEY) return boardFields(decodeBoard(value));
      if (key === RISEN_KEY)
        return { entries: [...decodeRisen(value)].map(([id, tokens]) => ({ key: id, tokens })) };
      return key === STATE_KEY ? snake(decodeState(value)) : { text: value.toString('utf8') };
    },
  },
  strings: {
    what: 'a string that records name by its code',
    keyOf: String,
    decode: (_key, value) => ({ text: value.toString('utf8') }),
  },
  packs: {
    what: 'ends of frames of consecutive segments',
    keyOf: String,
    decode: (key, value) => {
      const { firstId, continues, continued, entries } = decodePack(key, value);
      return {
        continues,
        continued,
        entries: entries.map(({ frameBytes, tokenCount, piece }, at) => ({
          key: firstId + at,
          ...(at === 0 && continues
            ? { rest_of_frame: true }
            : frameBytes === 0
              ? { deleted: true }
              : { frame_bytes: frameBytes, tokens: tokenCount }),
          bytes_here: piece.length,
        })),
      };
    },
  },
  frameOverflowPages: piece('the first bytes of a long frame, in whole pages'),
  frameHalfPages: piece('the next bytes of a long frame, half a page'),
  hashIndex: {
    what: 'segments by the first 28 bits of their hashes',
    keyOf: (key) => fingerprintText(baseOf(key)),
    decode: (key, value) => ({
      last: fingerprintText(lastOf(value)),
      entries: entriesIn(key, value).map(({ print, id }) => ({ key: printText(print), segment: id })),
    }),
    asked: (text) => text.slice(0, printText(0).length),
  },
  recentHashes: {
    what: 'the newest segments, which no chunk of the hash index has',
    keyOf: String,
    decode: (key, value) => ({
      entries: [...recentEntries(key, value)].map(({ fingerprint, id }) => ({
        key: fingerprintText(fingerprint),
        segment: id,
      })),
    }),
    asked: (text) => text.slice(0, fingerprintText(0).length),
  },
  refCounts: counts('references of 252 segments each'),
  bigRefCounts: bigCounts('references of a segment that has many'),
  references: index('outside references: holder and segment', (key) => {
    const { id, holder } = referenceOfKey(key);
    return { key: holder, segment: id };
  }),
  garbage: {
    what: 'a segment without references',
    keyOf: String,
    decode: (_key, value) => snake(decodeGarbage(value)),
  },
  registries: {
    what: 'a registry, and the sums of the frames that name it',
    keyOf: String,
    decode: (_key, value) => snake(decodeRecord(value)),
  },
  registryData: piece('the bytes of a registry'),
  conversations: {
    what: 'a conversation: its header, its blocks and its last messages',
    keyOf: String,
    decode: conversationFields,
    aliases: (value) => [(value as { readonly id: string }).id],
  },
  conversationPacks: {
    what: 'conversations that have not changed lately, packed; of some, only the pack still knows',
    keyOf: String,
    decode: (key, value, stringOf) => {
      const records = decodeConversationPack(key, value);
      return {
        entries: Array.from(records.numbers, (number, at) => ({
          key: number,
          ...conversationFields(number, records.at(at), stringOf),
        })),
      };
    },
  },
  conversationPackHeads: {
    what: 'conversations of a pack that are there',
    keyOf: String,
    decode: (key, value) => {
      const { packed, numbers, distances } = decodeHead(key, value);
      return { packed, conversations: numbers, distances: Object.fromEntries(distances) };
    },
  },
  messageBlocks: {
    what: 'messages that conversations share',
    keyOf: String,
    decode: (_key, value, stringOf) => ({ messages: decodeMessages(value, stringOf).map(listed) }),
  },
  blockCounts: counts('holders of 252 message blocks each'),
  bigBlockCounts: bigCounts('holders of a message block that has many'),
  freedBlocks: {
    what: 'blocks that a commit left without a holder',
    keyOf: (key) => String(numberOfKey(key)),
    decode: (_key, value) => ({ blocks: decodeFreedBlocks(value) }),
  },
  requests: {
    what: 'the result of a change made under a request id',
    keyOf: (key) => String(numberOfKey(key)),
    decode: (_key, value, stringOf) => {
      const { key, timeMs, digest, result } = decodeRequest(value, stringOf);
      return { id_hash: key.toString('hex'), time_ms: timeMs, digest, result };
    },
    asked: (text) => (/^\d+$/.test(text) ? text : requestAsked(text)),
    aliases: (value) => [(value as { readonly id_hash: string }).id_hash],
  },
  requestIds: {
    ...index('requests by the hashes of their ids', (key, number) => ({
      key: key.toString('hex'),
      request: number,
    })),
    asked: requestAsked,
  },
  ids: index('conversations by their ids', (key, number) => ({
    key: key.toString('utf8'),
    conversation: number,
  })),
  radixNodes: {
    what: 'nodes of the prefix index: sixteen of them, or one of an earlier format',
    keyOf: String,
    decode: (key, value) => ({
      entries: nodesIn(key, value).map(({ number, node: { parent, start, blocks, ending } }) => {
        const hex = Buffer.from(blocks).toString('hex');
        const digits = hex.length / blockCount(blocks);
        const fingerprints = hex.match(new RegExp(`.{${digits}}`, 'g')) ?? [];
        return { key: number, parent, start, conversation: ending ?? null, blocks: fingerprints };
      }),
    }),
  },
  radixEdges: index('nodes by the node before and their first block', (key, number, stringOf) => {
    const { node, ...edge } = edgeOfKey(key, stringOf);
    return { key: node, ...edge, leads_to: number };
  }),
  radixEnds: index('conversations by the node and the depth at which they end', (key) => {
    const { node, depth, conversation } = endOfKey(key);
    return { key: node, depth, conversation };
  }),
  conversationNodes: {
    what: 'nodes at which 64 conversations each end',
    keyOf: String,
    decode: (key, value) => ({
      entries: placesIn(key, value).map(([conversation, place]) => ({ key: conversation, ...place })),
    }),
  },
  postings: {
    what: 'conversations by their values, for lists',
    // The first byte is that of every chunk's key.
    keyOf: (key) => key.toString('hex', 1),
    decode: (key, value) => {
      const { end, entries } = decodeBoundedChunk(key, value);
      const { groups, numbers } = decodePostings(entries);
      return {
        end: end === undefined ? null : end.toString('hex', 1),
        entries: groups.map((group, at) => ({
          key: Math.floor(group / GROUP_RANGE),
          group: group % GROUP_RANGE,
          conversation: numbers[at],
        })),
      };
    },
  },
  usage: {
    what: 'usage of a group in a quarter of an hour',
    keyOf: (key) => `${key.readUInt32BE(0)}/${key.readUInt32BE(4)}`,
    decode: (key, value) => ({
      period: key.readUInt32BE(0),
      group: key.readUInt32BE(4),
      ...snake(decodeUsage(value)),
    }),
  },
  usageGroups: {
    what: 'conversations whose usage is counted together',
    keyOf: String,
    decode: (_key, value) => {
      const [application, model, tokenizer, labels] = decodeGroup(value);
      return { application, model, tokenizer, labels };
    },
  },
  tokenizers: {
    what: 'the vocabulary of a tokenizer',
    keyOf: (key) => key.toString('utf8'),
    decode: (_key, value) => {
      const { sha256, packed } = decodeTokenizer(value);
      return { sha256, packed_bytes: packed.length };
    },
    asked: (text) => text,
  },
};

const metaNames: ReadonlyMap<number, string> = new Map([
  [IDENTITY_KEY, 'identity'],
  [STATE_KEY, 'state'],
  [OWNER_KEY, 'owner'],
  [DIMENSIONS_KEY, 'dimensions'],
  [BOARD_KEY, 'board'],
  [RISEN_KEY, 'risen'],
  [USAGE_KEY, 'usage'],
]);

function boardFields({ to, nextSegment, thresholds, entries }: Board): object {
  return {
    to,
    next_segment: nextSegment,
    thresholds: snake(thresholds),
    entries: entries.map(({ id, tokenCount, uses }) => ({
      key: id,
      tokens: tokenCount,
      ...(uses && { first: { conversation: uses.firstNumber, create_time_ms: uses.firstMs } }),
      ...(uses && { last: { conversation: uses.lastNumber, create_time_ms: uses.lastMs } }),
    })),
  };
}

function ledgerFields({ uncountedTo, ...contents }: UsageLedger): object {
  return { uncounted_to: uncountedTo, ...contents };
}

function conversationFields(key: number, record: Uint8Array, stringOf: StringOf): object {
  const { conversation, list, distance } = decodeManifest(record, stringOf);
  return {
    ...plain(conversation),
    previous_conversation: key - distance,
    blocks: [...decodeDirectory(list.directory)].map(({ id, ...sums }) => ({ block: id, ...sums })),
    tail: decodeMessages(list.tail, stringOf).map(listed),
  };
}

/** Returns the hash of a request's id, which may be given itself. */
function requestAsked(text: string): string {
  return /^[0-9a-f]{32}$/.test(text) ? text : requestKey(text).toString('hex');
}

function piece(what: string): TableFormat<number> {
  return { what, keyOf: String, decode: (_key, value) => ({ bytes: value.length }) };
}

function counts(what: string): TableFormat<number> {
  return {
    what,
    keyOf: String,
    decode: (key, value) => ({
      entries: countsIn(key, value).map(({ number, count }) => ({ key: number, count: count ?? 'many' })),
    }),
  };
}

function bigCounts(what: string): TableFormat<number> {
  return { what, keyOf: String, decode: (_key, value) => ({ count: decodeBigCount(value) }) };
}

/** Returns the format of a key index; `entry` reads a key and its number. */
function index(
  what: string,
  entry: (key: Buffer, number: number, stringOf: StringOf) => { readonly key: string | number },
): TableFormat<Buffer> {
  return {
    what,
    // The first byte is that of every chunk's key.
    keyOf: (key) => key.toString('hex', 1),
    decode: (key, value, stringOf) => {
      const { end, entries } = decodeBoundedChunk(key, value);
      return {
        end: end === undefined ? null : end.toString('hex', 1),
        entries: decodeKeyChunk(entries).map(({ key: each, number }) => entry(each, number, stringOf)),
      };
    },
  };
}

function printText(print: number): string {
  return print.toString(16).padStart(PRINT_BITS / 4, '0');
}

function fingerprintText(fingerprint: number): string {
  return fingerprint.toString(16).padStart(8, '0');
}

function plain({ metadata, messageCount, totalTokens, ...fields }: Conversation): object {
  return { ...snake(fields), messages: messageCount, tokens: totalTokens, metadata };
}

function listed({ role, name, toolCallId, segments }: ListedMessage): object {
  return {
    role,
    ...(name !== '' && { name }),
    ...(toolCallId !== '' && { tool_call_id: toolCallId }),
    segments: segments.map(({ id, tokenCount }) => ({ segment: id, tokens: tokenCount })),
  };
}

/** Returns the fields under the names that JSON has everywhere; those without a value are left out. */
function snake(fields: object): object {
  return Object.fromEntries(
    Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [
        name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
        value as unknown,
      ]),
  );
}
