import { tokenizerNamed } from '../../model/index.js';
import type { DraftMessage } from './shapes/index.js';

/**
 * Returns a message with its text kept beside it, if a tokenizer of a file may change it: those made of
 * SentencePiece take U+2581 for a space, and may take away the first space, and others normalize to form C.
 * Tokenizers that come with the program change no text.
 */
export function withChangedText(message: DraftMessage, tokenizer: string): DraftMessage {
  const { content, said } = message;
  if (typeof content !== 'string' || said !== undefined) return message;
  if (tokenizerNamed(tokenizer) !== undefined || !mayChange(content)) return message;
  return { ...message, said: content };
}

function mayChange(text: string): boolean {
  return text.startsWith(' ') || text.includes('\u2581') || text.normalize('NFC') !== text;
}
