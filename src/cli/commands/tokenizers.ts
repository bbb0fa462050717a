import type { Command } from 'commander';
import { modelsOf, type TokenizerName, tokenizerNames } from '../../model/index.js';
import { type ServerOption, withClient, withServer } from '../connection/index.js';
import type { Context } from '../context.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { formatTable } from '../format.js';

interface Options extends ServerOption {
  readonly json?: true;
}

const epilogue = `
MODELS are beginnings of names: gpt-4o stands for gpt-4o-2024-08-06 too, and for openai/gpt-4o, azure/gpt-4o and
ft:gpt-4o:team::id. Text of a conversation that names no tokenizer is encoded with that of its model.`;

/** `stowken tokenizers` */
export function addTokenizers(program: Command, context: Context, done: Done): void {
  withServer(program.command('tokenizers'))
    .description('list the tokenizers that the server has for text, and the models they belong to')
    .option('--json', 'one JSON object per line')
    .addHelpText('after', epilogue)
    .action(async (options: Options) => {
      const { tokenizers } = await withClient(options, context, (client) => client.capabilities());
      const { output } = context;
      if (options.json) for (const name of tokenizers) await output.json({ name, models: models(name) });
      else {
        const rows = tokenizers.map((name) => [name, models(name).join(', ')]);
        await output.line(formatTable([['TOKENIZER', 'MODELS'], ...rows], ['left', 'left']));
      }
      done(exitCodes.done);
    });
}

function models(tokenizer: string): readonly string[] {
  return tokenizerNames.some((name) => name === tokenizer) ? modelsOf[tokenizer as TokenizerName] : [];
}
