/** A turn of a transcript: the words before it, who speaks, and what is said. */
export interface Turn {
  readonly mark: string;
  readonly role: string;
  readonly text: string;
}

const marks = /(?:^|\n\n)(?:Human|Assistant): ?/g;
const begins = /^(?:\n\n)?Human:/;

/**
 * Splits a text that is a whole conversation, as preference data of Anthropic has it: "\n\nHuman: ...
 * \n\nAssistant: ...". Marks and texts of the turns, in order, are the text. Returns undefined for any other.
 */
export function turnsOfTranscript(text: string): Turn[] | undefined {
  if (!begins.test(text) || !text.includes('\n\nAssistant:')) return undefined;
  const found = [...text.matchAll(marks)];
  return found.map(({ 0: mark, index }, at) => ({
    mark,
    role: mark.includes('Human') ? 'user' : 'assistant',
    text: text.slice(index + mark.length, found[at + 1]?.index),
  }));
}
