import type { StoredMessage } from '../../storage/index.js';
import { caseVariants, noVariants } from '../../text/index.js';
import { automatonOf, type NeedleAutomaton } from './automaton.js';
import { MessageFilter } from './message-filter.js';
import { isOfContent, type SearchParts } from './messages.js';
import type { Needle } from './needle.js';
import { scanTables } from './token-scanner.js';
import type { Stretch } from './windows.js';

/** Finds the messages that may hold a needle, so that no other ones are turned into text. */
export class Candidates {
  /** By tokenizer; undefined: all messages are candidates. */
  readonly #filters = new Map<string, MessageFilter | undefined>();

  private constructor(
    private readonly parts: SearchParts,
    private readonly signal: AbortSignal,
    private readonly automaton: NeedleAutomaton | undefined,
  ) {}

  static async of(parts: SearchParts, needle: Needle, signal: AbortSignal): Promise<Candidates> {
    const characters = needle.characters(needle.ignoresCase ? await caseVariants() : noVariants);
    return new Candidates(parts, signal, characters && automatonOf(characters));
  }

  /** Returns those of the messages of a window that may hold the needle. */
  async select(window: readonly Stretch[]): Promise<ReadonlySet<StoredMessage>> {
    const byTokenizer = new Map<string, StoredMessage[]>();
    for (const { snapshot, messages } of window) {
      if (snapshot === undefined) continue;
      const { tokenizer } = snapshot.conversation;
      const others = byTokenizer.get(tokenizer);
      if (others === undefined) byTokenizer.set(tokenizer, [...messages]);
      else others.push(...messages);
    }
    const selected = new Set<StoredMessage>();
    for (const [tokenizer, messages] of byTokenizer) {
      const filter = await this.#filterOf(tokenizer);
      const some = filter === undefined ? messages : await filter.select(messages);
      for (const message of some) selected.add(message);
    }
    return selected;
  }

  async #filterOf(tokenizer: string): Promise<MessageFilter | undefined> {
    if (this.#filters.has(tokenizer)) return this.#filters.get(tokenizer);
    const filter = await this.#createFilter(tokenizer);
    this.#filters.set(tokenizer, filter);
    return filter;
  }

  async #createFilter(tokenizer: string): Promise<MessageFilter | undefined> {
    const { tokenizers } = this.parts;
    if (this.automaton === undefined || !(await tokenizers.has(tokenizer))) return undefined;
    try {
      const tables = scanTables(this.automaton, await tokenizers.spellings(tokenizer));
      return new MessageFilter(this.parts, tables, this.signal);
    } catch (error) {
      // The vocabulary that the vault keeps is damaged: no message will become text either.
      if (!isOfContent(error)) throw error;
      return undefined;
    }
  }
}
