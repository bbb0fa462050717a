import { contentSegments, countOf } from '../../../model/index.js';
import type { BlockEntry } from '../conversations/block-directory.js';
import type { StringOf } from '../conversations/manifest.js';
import { decodeFreedBlocks } from '../conversations/message-blocks.js';
import { decodeMessages } from '../conversations/message-list.js';
import { countsIn, RefCounts } from '../segments/ref-counts.js';
import type { Tables } from '../tables/environment.js';
import type { State } from '../tables/meta.js';
import { numberOfKey } from '../tables/table-keys.js';
import type { BlockId } from '../tables/ids.js';
import type { SegmentColumns } from './check-references.js';
import { guarded, intact, type Report } from './check-report.js';

/** A block as manifests name it. */
interface NamedBlock {
  readonly messages: number;
  readonly tokens: number;
  holders: number;
}

/** Blocks of message lists: their content, their holders, and those that wait to be removed. */
export class CheckedBlocks {
  readonly #named = new Map<number, NamedBlock>();

  constructor(
    private readonly tables: Tables,
    private readonly state: State,
    private readonly segments: SegmentColumns,
    private readonly nameOf: StringOf,
    private readonly report: Report,
  ) {}

  /** Counts a manifest as a block's holder. */
  name(subject: string, { id, messages, tokens }: BlockEntry): void {
    const known = this.#named.get(id);
    if (!known) this.#named.set(id, { messages, tokens, holders: 1 });
    else {
      known.holders += 1;
      if (known.messages !== messages || known.tokens !== tokens) {
        this.report('message-blocks', subject, `says something else of block ${id} than another manifest`);
      }
    }
  }

  /**
   * Reads every block, and counts the references of those that manifests name. To be called after the frames
   * and the manifests.
   */
  *blocks(): Generator<number, void, void> {
    const { messageBlocks, blockCounts, bigBlockCounts } = this.tables;
    const counts = new RefCounts<BlockId>(blockCounts, bigBlockCounts, () => this.state.nextBlock);
    const freed = this.#freed();
    const seen = new Set<number>();
    for (const { key, value, damage } of messageBlocks.scan()) {
      const subject = `block ${key}`;
      const named = this.#named.get(key);
      seen.add(key);
      guarded(this.report, 'block-counts', subject, () => {
        const count = counts.get(key as BlockId);
        const holders = named?.holders ?? 0;
        if (count !== holders) {
          const found = count === undefined ? 'it counts as not stored' : `${count} holders are kept`;
          this.report('block-counts', subject, `${found}, ${holders} were counted`);
        }
      });
      guarded(this.report, 'message-blocks', subject, () => {
        if (damage) this.report('message-blocks', subject, damage.message);
        else if (named) this.#content(subject, value, named);
        if ((named === undefined) !== freed.has(key)) {
          this.report(
            'message-blocks',
            subject,
            named ? 'is named and waits to be removed' : 'is not named by anything',
          );
        }
      });
      if (key >= this.state.nextBlock) this.report('statistics', 'nextBlock', `is not above block ${key}`);
      yield 0;
    }
    for (const id of this.#named.keys()) {
      if (!seen.has(id)) this.report('message-blocks', `block ${id}`, 'is named by manifests and not stored');
    }
    for (const id of freed)
      if (!seen.has(id))
        this.report('message-blocks', `block ${id}`, 'waits to be removed and is not stored');
    yield* this.#strayCounts(seen);
  }

  #content(subject: string, list: Uint8Array, named: NamedBlock): void {
    const { messages, tokens } = checkList(subject, list, this.nameOf, this.segments, this.report);
    if (messages === named.messages && tokens === named.tokens) return;
    const counted = `${countOf(messages, 'message')} and ${countOf(tokens, 'token')}`;
    this.report('message-blocks', subject, `has ${counted}, not what the directories say`);
  }

  /** Returns the blocks that wait to be removed. */
  #freed(): ReadonlySet<number> {
    const freed = new Set<number>();
    const subjectOf = (key: Buffer) => `blocks freed in commit ${numberOfKey(key)}`;
    for (const { key, value } of intact(this.tables.freedBlocks, this.report, 'message-blocks', subjectOf)) {
      const sequence = numberOfKey(key);
      const subject = `blocks freed in commit ${sequence}`;
      guarded(this.report, 'message-blocks', subject, () => {
        if (sequence > this.state.commitSequence)
          this.report('message-blocks', subject, 'there was no such commit');
        for (const id of decodeFreedBlocks(value)) {
          if (freed.has(id)) this.report('message-blocks', subject, `block ${id} was freed once more`);
          freed.add(id);
        }
      });
    }
    return freed;
  }

  *#strayCounts(stored: ReadonlySet<number>): Generator<number, void, void> {
    const chunks = intact(this.tables.blockCounts, this.report, 'block-counts', (key) => `chunk ${key}`);
    for (const { key, value } of chunks) {
      guarded(this.report, 'block-counts', `chunk ${key}`, () => {
        for (const { number } of countsIn(key, value))
          if (!stored.has(number))
            this.report('block-counts', `block ${number}`, 'holders are kept, and it is not stored');
      });
      yield 0;
    }
    for (const { key } of this.tables.bigBlockCounts.scan()) {
      if ((this.#named.get(key)?.holders ?? 0) >= 254) continue;
      this.report('block-counts', `block ${key}`, 'a big count is kept, and it has few holders');
    }
  }
}

/** Reads a part of a message list, compares its segments with the frames, and counts its references. */
export function checkList(
  subject: string,
  list: Uint8Array,
  nameOf: StringOf,
  segments: SegmentColumns,
  report: Report,
): { readonly messages: number; readonly tokens: number } {
  const named = new Set<number>();
  let messages = 0;
  let tokens = 0;
  for (const message of decodeMessages(list, nameOf)) {
    messages += 1;
    tokens += contentSegments(message).reduce((sum, { tokenCount }) => sum + tokenCount, 0);
    const contents = message.segments.length - (message.fieldSegments ?? 0);
    for (const [index, { id, tokenCount }] of message.segments.entries()) {
      named.add(id);
      if (index < contents) segments.setRanked(id);
      else segments.setOfFields(id);
      const stored = segments.has(id) ? segments.tokenCount(id) : undefined;
      if (stored === undefined)
        report('manifest-segments', subject, `names segment ${id}, which is not stored`);
      else if (stored !== tokenCount) {
        report(
          'manifest-segments',
          subject,
          `segment ${id} has ${countOf(stored, 'token')}, not ${tokenCount}`,
        );
      }
    }
  }
  for (const id of named) segments.addReference(id);
  return { messages, tokens };
}
