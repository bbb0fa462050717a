import type { Command } from 'commander';
import { wholeNumber } from '../arguments.js';
import type { Context } from '../context.js';
import { exitCodes, type Done } from '../exit-codes.js';
import { plural, printable } from '../format.js';
import { Output } from '../output.js';
import { withClient, withServer, type ServerOption } from '../server-option.js';

interface Options extends ServerOption {
  readonly messages?: number;
}

/** `stowken fork` */
export function addFork(program: Command, context: Context, done: Done): void {
  withServer(program.command('fork'), context)
    .description('make a conversation of the first messages of another; nothing is stored twice')
    .argument('<id>', 'the conversation to fork')
    .argument('[new-id]', "the fork's id; made by the server when absent")
    .option('--messages <n>', 'so many messages, from the first; else all', wholeNumber(0, 0xffff_ffff))
    .action(async (id: string, newId: string | undefined, options: Options) => {
      const { messages } = options;
      const given = {
        ...(newId !== undefined && { newId }),
        ...(messages !== undefined && { messageCount: messages }),
      };
      const { conversation } = await withClient(options, (client) => client.fork(id, given));
      const holds = `${plural(conversation.messageCount, 'message')}, ${plural(conversation.totalTokens, 'token')}`;
      const sentence = `${printable(conversation.id)}: forked from ${printable(id)}; ${holds}`;
      await new Output(context.io.stdout).line(sentence);
      done(exitCodes.done);
    });
}
