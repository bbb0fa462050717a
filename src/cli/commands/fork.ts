import type { Command } from 'commander';
import { shellWord } from '../../model/index.js';
import { type ServerOption, wholeNumber, withClient, withServer } from '../options.js';
import type { Context } from '../context.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { plainStoreResult, plural } from '../format.js';

interface Options extends ServerOption {
  readonly messages?: number;
  readonly json?: true;
}

const epilogue = `
Examples:
  stowken fork run-1
  stowken fork run-1 run-1/second-try --messages 12`;

/** `stowken fork` */
export function addFork(program: Command, context: Context, done: Done): void {
  withServer(program.command('fork'), context)
    .description('make a conversation of the first messages of another; nothing is stored twice')
    .argument('<id>', 'the conversation to fork')
    .argument('[new-id]', "the fork's id; made by the server when absent")
    .option('--messages <n>', 'so many messages, from the first; else all', wholeNumber(0, 0xffff_ffff))
    .option('--json', 'one JSON object with the fields of ForkConversation')
    .addHelpText('after', epilogue)
    .action(async (id: string, newId: string | undefined, options: Options) => {
      const { messages } = options;
      const given = {
        ...(newId !== undefined && { newId }),
        ...(messages !== undefined && { messageCount: messages }),
      };
      context.interruption.onInterrupt(
        () => 'the server may have made the fork, or not: stowken list shows it',
      );
      const result = await withClient(options, context, (client) => client.fork(id, given));
      if (options.json) await context.output.json(plainStoreResult(result));
      else {
        const { conversation } = result;
        const holds = `${plural(conversation.messageCount, 'message')}, ${plural(conversation.totalTokens, 'token')}`;
        await context.output.line(`${shellWord(conversation.id)}: forked from ${shellWord(id)}; ${holds}`);
      }
      done(exitCodes.done);
    });
}
