import type { BackgroundTurns } from '../../shared/background.js';
import { int, type Row, type Statement, text } from '../database/driver.js';
import type { Transaction } from '../database/transaction.js';
import { type Delta, type Figures, noFigures } from '../formats/delta.js';
import { type Head, headColumns, headFrom } from '../formats/head.js';
import { keyOf, type PackId, type Place } from '../formats/ids.js';
import { readList, tokensIn } from '../formats/list.js';
import type { Partitions } from '../partitions.js';
import { listPartFrom } from '../read/stored-list.js';
import { CheckedKinds } from './check-kinds.js';
import { CheckedTags } from './check-tags.js';
import { type Add, guarded } from './findings.js';

const rowsAtOnce = 1_000;

const scanHeads: Statement = {
  name: 'check_heads',
  text: `select ${headColumns} from conv where p = $1 and idh > $2 order by idh limit ${rowsAtOnce}`,
};
const readGone: Statement = { name: 'check_gone', text: 'select k from gone where p = $1' };

interface ListState {
  /** Undefined for the list of a conversation that is gone. */
  readonly head: Head | undefined;
  parts: number;
  messages: number;
  tokens: number;
}

/** Lists of messages, compared with the conversations that have them. */
export class CheckedLists {
  readonly #lists = new Map<PackId, ListState>();
  readonly #figures = new Map<number, Figures>();

  constructor(
    private readonly transaction: Transaction,
    private readonly partitions: Partitions,
    private readonly add: Add,
  ) {
    for (const p of partitions.all) this.#figures.set(p, noFigures());
  }

  async begin(turns: BackgroundTurns): Promise<void> {
    for (const p of this.partitions.all) {
      const tags = await CheckedTags.begin(this.transaction, p, this.add);
      const kinds = await CheckedKinds.begin(this.transaction, p, this.add);
      await this.#readHeads(p, tags, kinds, turns);
      await tags.compare(this.transaction, p);
      for (const { k } of await this.transaction.query(readGone, [p]))
        this.#lists.set(text(k), { head: undefined, parts: 0, messages: 0, tokens: 0 });
    }
  }

  async #readHeads(p: number, tags: CheckedTags, kinds: CheckedKinds, turns: BackgroundTurns): Promise<void> {
    let after = '00000000-0000-0000-0000-000000000000';
    for (;;) {
      const rows = await this.transaction.query(scanHeads, [p, after]);
      for (const row of rows) {
        const subject = `conversation ${text(row['idh'])}`;
        const head = guarded(this.add, subject, () => headFrom(row));
        if (head) this.#lists.set(head.k, { head, parts: 0, messages: 0, tokens: 0 });
        if (head) tags.expect(head);
        kinds.check(row);
        if (head && this.partitions.ofId(head.conversation.id) !== p)
          this.add('lists', subject, 'its row is in the partition of another id');
        // It is counted beside its list.
        const figures = this.#of(this.partitions.ofPack(text(row['k'])));
        figures.convs += 1;
        figures.msgs += int(row['msgs']);
        figures.toks += int(row['toks']);
      }
      if (rows.length < rowsAtOnce) break;
      after = text(rows.at(-1)!['idh']);
      await turns.pause();
    }
  }

  #of(p: number): Figures {
    return this.#figures.get(p) ?? noFigures();
  }

  /** Checks a row that may have a part of a list; passes on the segments that it holds. */
  check(row: Row, onHeld: (place: Place) => void): void {
    const c = text(row['c']);
    const part = listPartFrom(row);
    this.#of(this.partitions.ofPack(part.k)).lists += part.list.length;
    if (c === '0') return;
    const list = this.#lists.get(c);
    const subject = `part ${part.k}`;
    if (!list) return this.add('lists', subject, 'it is of a list that nothing has');
    const messages = guarded(this.add, subject, () => [...readList(part, part.k)]) ?? [];
    const tokens = messages.reduce((sum, message) => sum + tokensIn(message), 0);
    if (messages.length !== part.messages || tokens !== part.tokens)
      this.add(
        'lists',
        subject,
        `it has ${messages.length} messages and ${tokens} tokens, and says otherwise`,
      );
    if ((part.n === 0) !== (part.k === c)) this.add('lists', subject, `it is part ${part.n} of list ${c}`);
    list.parts += 1;
    list.messages += part.messages;
    list.tokens += part.tokens;
    if (!list.head) return;
    const held = new Map<string, Place>();
    for (const { segments } of messages)
      for (const place of segments) held.set(keyOf(place) as string, place);
    for (const place of held.values()) onHeld(place);
  }

  /** Compares what was counted; adds it to what was found in each partition. */
  end(found: ReadonlyMap<number, Delta>): void {
    for (const { head, parts, messages, tokens } of this.#lists.values()) {
      if (!head) continue;
      const { id, messageCount, totalTokens } = head.conversation;
      if (parts !== head.parts || messages !== messageCount || tokens !== totalTokens)
        this.add(
          'lists',
          `conversation ${id}`,
          `its list has ${parts} parts, ${messages} messages and ${tokens} tokens; ` +
            `its row says ${head.parts}, ${messageCount} and ${totalTokens}`,
        );
    }
    for (const [p, { figures }] of found)
      for (const figure of ['convs', 'msgs', 'toks', 'lists'] as const) figures[figure] = this.#of(p)[figure];
  }
}
