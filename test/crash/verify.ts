import { isDeepStrictEqual } from 'node:util';
import { frameRegistryId, type LiveCodec } from '../../src/codec/index.js';
import type { SegmentHash } from '../../src/model/index.js';
import type { ManagedBackend } from '../../src/storage/index.js';
import { segmentsOf, type Contents } from './content.js';
import type { Fact, FactValue, PossibleFacts } from './facts.js';
import { messagesOf } from '../support/snapshots.js';

/** Error of a vault that breaks a promise. */
export class Broken extends Error {
  override readonly name = 'Broken';
}

export interface OpenedVault {
  readonly backend: ManagedBackend;
  readonly codec: LiveCodec;
  readonly contents: Contents;
}

/** Fills an empty vault with segments that stay, enough of them to train registries on. */
export async function populate({ backend, contents }: OpenedVault): Promise<PossibleFacts> {
  const segments = Array.from({ length: 120 }, (_, index) => 3 * index);
  await backend.commit({
    newSegments: segments.map((segment) => contents.encoded(segment)),
    addReferences: segments.map((segment) => ({ hash: contents.hash(segment), holder: 'base' })),
  });
  return new Map(segments.map((segment) => [`holder/base/${segment}`, [1]]));
}

/**
 * Compares a vault that was opened after a kill with the possible facts, and settles those that were under
 * way. Returns the facts that are true now.
 */
export async function verify(opened: OpenedVault, possible: PossibleFacts): Promise<PossibleFacts> {
  const violations = await opened.backend.check();
  if (violations.length > 0) throw new Broken(JSON.stringify(violations.slice(0, 5)));
  const facts: PossibleFacts = new Map();
  const keep = (list: readonly Fact[]) => list.forEach(([name, value]) => facts.set(name, [value]));
  const { conversations, named } = await verifyConversations(opened, possible);
  keep(conversations);
  keep(await verifySegments(opened, possible));
  keep(await verifyRegistries(opened, possible));
  keep(await verifyHolders(opened, possible, named));
  return facts;
}

/** Returns facts of one kind: the rest of their names, and their possible values. */
function ofKind(possible: PossibleFacts, kind: string): [rest: string, values: FactValue[]][] {
  return [...possible]
    .filter(([name]) => name.startsWith(`${kind}/`))
    .map(([name, values]) => [name.slice(kind.length + 1), values]);
}

/**
 * Limit of a list's messages that are one part of its record, which holds each segment that it names once.
 */
const ONE_PART_MESSAGES_MAX = 64;

/** Minimum and maximum of a segment's references. */
type Counts = Map<SegmentHash, { least: number; most: number }>;

/** Checks that each has one of its possible contents, to the last token. */
async function verifyConversations({ backend, codec, contents }: OpenedVault, possible: PossibleFacts) {
  const conversations: Fact[] = [];
  const named: Counts = new Map();
  for (const [id, values] of ofKind(possible, 'conversation')) {
    const found = await readConversation(backend, codec, id);
    const value = values.find((content) => {
      const segments = typeof content === 'string' ? segmentsOf(content) : undefined;
      return isDeepStrictEqual(
        found,
        segments?.map((segment) => contents.hash(segment)),
      );
    });
    if (value === undefined)
      throw new Broken(`${id} has none of the contents ${values.join()}: ${found?.join()}`);
    conversations.push([`conversation/${id}`, value]);
    const onePart = found === undefined || found.length <= ONE_PART_MESSAGES_MAX;
    for (const hash of onePart ? new Set(found) : found) {
      const { least, most } = named.get(hash) ?? { least: 0, most: 0 };
      // Each block of a long list is a holder, which forks share.
      named.set(hash, { least: onePart ? least + 1 : Math.max(least, 1), most: most + 1 });
    }
  }
  const stored = (await backend.stats()).conversations;
  const expected = conversations.filter(([, value]) => value !== null).length;
  if (stored !== expected) throw new Broken(`${stored} conversations, ${expected} expected`);
  return { conversations, named };
}

/** Returns the hashes of its frames' real content. */
async function readConversation(backend: ManagedBackend, codec: LiveCodec, id: string) {
  const snapshot = await backend.openConversation(id);
  if (!snapshot) return undefined;
  const keys = (await messagesOf(snapshot)).flatMap(({ segments }) => segments.map(({ key }) => key));
  const frames = await backend.readFrames(keys);
  snapshot.release();
  return frames.map((frame) => codec.hashOf(frame));
}

/** Replaced frames must be the new ones, and deleted segments must not reappear. */
async function verifySegments({ backend }: OpenedVault, possible: PossibleFacts): Promise<Fact[]> {
  const facts: Fact[] = [];
  const { segments } = await backend.scanSegments({ limit: 100_000, bytesMax: Infinity });
  for (const { key, frame } of segments) {
    if (possible.has(`gone/${key}`)) throw new Broken(`segment ${key} is back`);
    const registryId = frameRegistryId(frame) ?? 0;
    const values = possible.get(`frame/${key}`);
    if (!values) continue;
    if (!values.includes(registryId)) {
      throw new Broken(`the frame of segment ${key} is of registry ${registryId}, not of ${values.join()}`);
    }
    facts.push([`frame/${key}`, registryId]);
  }
  return facts;
}

async function verifyRegistries({ backend }: OpenedVault, possible: PossibleFacts): Promise<Fact[]> {
  const stored = new Set((await backend.listRegistries()).map(({ id }) => String(id)));
  for (const id of stored) if (!possible.has(`registry/${id}`)) throw new Broken(`registry ${id} is there`);
  return ofKind(possible, 'registry').map(([id, values]) => {
    const value = stored.has(id) ? 1 : null;
    if (!values.includes(value)) throw new Broken(`registry ${id} is ${value ? '' : 'not '}there`);
    return [`registry/${id}`, value];
  });
}

/** Every segment must have as many references as conversations and holders have to it. */
async function verifyHolders(
  { backend, contents }: OpenedVault,
  possible: PossibleFacts,
  ranges: Counts,
): Promise<Fact[]> {
  const unsure = [];
  const facts: Fact[] = [];
  for (const [rest, values] of ofKind(possible, 'holder')) {
    const [holder, segment] = rest.split('/') as [string, string];
    const hash = contents.hash(Number(segment));
    const range = ranges.get(hash) ?? { least: 0, most: 0 };
    ranges.set(hash, range);
    if (values.includes(1)) range.most += 1;
    if (!values.includes(null)) range.least += 1;
    if (new Set(values).size > 1) unsure.push({ hash, holder });
    facts.push([`holder/${rest}`, new Set(values).size > 1 ? null : values[0]!]);
  }
  const hashes = [...ranges.keys()];
  const stored = await backend.findSegments(hashes);
  const counts = await backend.countReferences(stored.flatMap((segment) => (segment ? [segment.key] : [])));
  let next = 0;
  for (const [at, hash] of hashes.entries()) {
    const { least, most } = ranges.get(hash)!;
    const count = stored[at] ? counts[next++]! : 0;
    if (count < least || count > most) {
      throw new Broken(`segment ${hash} has ${count} references, not ${least} to ${most}`);
    }
  }
  await backend.commit({ removeReferences: unsure });
  return facts;
}
