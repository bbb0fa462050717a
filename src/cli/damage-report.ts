import type { Writable } from 'node:stream';
import type { DamagedConversation } from '../client/index.js';
import { describeError } from './errors.js';
import { printable, shellWord } from '../model/index.js';

/** Names damaged conversations on standard error, and counts them. */
export class DamageReport {
  count = 0;

  constructor(private readonly stderr: Writable) {}

  readonly add = ({ id, error }: DamagedConversation): void => {
    this.count += 1;
    this.stderr.write(
      `${id === '' ? 'a conversation without an id' : shellWord(id)}: ${printable(describeError(error))}\n`,
    );
  };
}
