import { StowkenError } from '../model/index.js';

/** Returns the error of a tokenizer that the server does not have. `known`: names of those that it has. */
export function unknownTokenizer(name: string, known: readonly string[]): StowkenError {
  const list = known.join(', ');
  const lacks =
    name === '' ? 'the request names no tokenizer' : `the server has no tokenizer ${JSON.stringify(name)}`;
  const message =
    `${lacks}; it knows ${list} and the names of common models, ` +
    'and others that serve is started with (--tokenizer NAME=FILE)';
  return new StowkenError('UNKNOWN_TOKENIZER', message, { tokenizer: name, known: list });
}
