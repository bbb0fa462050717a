import type { CallControl, Capabilities, StoreRequest, StowkenClient } from '../../client/index.js';
import { tokenizerNamed } from '../../model/index.js';
import type { DraftMessage } from './shapes/index.js';

/**
 * Texts that the tokenizers of a server's files may change. Those made of SentencePiece take U+2581 for a
 * space, may take away the first space, and put one behind added tokens; some added tokens take the blanks
 * beside them; and others normalize to form C. Tokenizers that come with the program change no text.
 */
export class ChangingTokenizers {
  /** By the names of all tokenizers that the server has; undefined: it changes no text by its tokens. */
  readonly #beside = new Map<string, RegExp | undefined>();

  /** `infos`: what the server says of its tokenizers. */
  constructor(infos: Capabilities['tokenizerInfos'] = []) {
    for (const { name, changesBeside } of infos) {
      const any =
        changesBeside.length > 0 ? new RegExp(changesBeside.map(escaped).join('|'), 'u') : undefined;
      this.#beside.set(name, any);
    }
  }

  /** Returns a message with its text kept beside it, if the tokenizer may change it. */
  keep(message: DraftMessage, tokenizer: string): DraftMessage {
    const { content, said } = message;
    if (typeof content !== 'string' || said !== undefined) return message;
    if (tokenizerNamed(tokenizer) !== undefined || !this.#mayChange(content, tokenizer)) return message;
    return { ...message, said: content };
  }

  #mayChange(text: string, tokenizer: string): boolean {
    // A vault may keep one that its server has no file of: nothing is known of it.
    if (!this.#beside.has(tokenizer)) return true;
    if (text.startsWith(' ') || text.includes('\u2581') || text.normalize('NFC') !== text) return true;
    return this.#beside.get(tokenizer)?.test(text) ?? false;
  }
}

/**
 * Returns the tokenizers that may change text of a conversation: those that are known, or else what the
 * server says of its own, if one of its files encodes the text.
 */
export async function changingTokenizers(
  client: StowkenClient,
  tokenizer: string,
  known: ChangingTokenizers | undefined,
  options: CallControl = {},
): Promise<ChangingTokenizers> {
  if (known !== undefined || tokenizer === '' || tokenizerNamed(tokenizer) !== undefined)
    return known ?? new ChangingTokenizers();
  const { tokenizerInfos } = await client.capabilities(options);
  return new ChangingTokenizers(tokenizerInfos);
}

/** True for text of a tokenizer that does not come with the program. */
export function isForOthers({ conversation, messages }: StoreRequest): boolean {
  if (tokenizerNamed(conversation?.tokenizer ?? '') !== undefined) return false;
  return messages.some(({ text }) => text !== undefined);
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
