import type { Command } from 'commander';
import { modelsOf, type TokenizerName, tokenizerNames } from '../../model/index.js';
import { type ServerOption, withClient, withServer } from '../connection/index.js';
import type { Context } from '../context.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { formatTable } from '../table.js';

interface Options extends ServerOption {
  readonly json?: true;
}

const epilogue = `
MODELS are beginnings of names: gpt-4o stands for gpt-4o-2024-08-06 too, and for openai/gpt-4o, azure/gpt-4o and
ft:gpt-4o:team::id. Text of a conversation that names no tokenizer is encoded with that of its model.
Others come with stowken serve --tokenizer NAME=FILE; SHA-256 is that of the vocabulary, whole with --json.

Example:
  stowken tokenizers --json`;

/** `stowken tokenizers` */
export function addTokenizers(program: Command, context: Context, done: Done): void {
  withServer(program.command('tokenizers'))
    .description('list the tokenizers that the server has for text, and the models they belong to')
    .option('--json', 'one JSON object per line')
    .addHelpText('after', epilogue)
    .action(async (options: Options) => {
      const capabilities = await withClient(options, context, (client) => client.capabilities());
      const { output } = context;
      const infos = new Map(capabilities.tokenizerInfos.map((info) => [info.name, info]));
      const rows: string[][] = [];
      for (const name of capabilities.tokenizers) {
        const { kind = '', vocabularySize = 0, sha256 = '' } = infos.get(name) ?? {};
        const described = { name, kind, vocabulary_size: vocabularySize, sha256, models: models(name) };
        if (options.json) await output.json(described);
        else rows.push([name, kind, String(vocabularySize), sha256.slice(0, 12), models(name).join(', ')]);
      }
      const header = ['TOKENIZER', 'KIND', 'TOKENS', 'SHA-256', 'MODELS'];
      const sides = ['left', 'left', 'right', 'left', 'left'] as const;
      if (!options.json) await output.line(formatTable([header, ...rows], sides));
      done(exitCodes.done);
    });
}

function models(tokenizer: string): readonly string[] {
  return tokenizerNames.some((name) => name === tokenizer) ? modelsOf[tokenizer as TokenizerName] : [];
}
