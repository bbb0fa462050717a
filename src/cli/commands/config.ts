import type { Command } from 'commander';
import { printable } from '../../model/index.js';
import { UsageError, type Context } from '../context.js';
import { type Done, exitCodes } from '../exit-codes.js';
import { type ConfigProblem, describeProblem, readConfigFile } from '../serve/config-file.js';
import { readSettings, toServeOptions } from '../serve/settings.js';

const epilogue = `
FILE is YAML or JSON, and has a key for each setting of serve, without the dashes: stowken help serve lists them.

  data: ./vault
  listen: 0.0.0.0:7411
  tls-cert: server.pem
  tls-key: server.key
  token-file: tokens.yaml
  log-level: warn

Example:
  stowken config check stowken.yaml

Nothing is started, and the files that it names are not read: stowken doctor --config FILE looks at those too.

Exit codes: 0 serve takes the file, 1 it does not, and standard error has all reasons with their lines.`;

/** `stowken config` */
export function addConfig(program: Command, context: Context, done: Done): void {
  program
    .command('config')
    .description('check a config file of serve')
    .addHelpText('after', epilogue)
    .command('check')
    .description('say what is wrong in a config file of serve')
    .argument('<file>', 'the file, YAML or JSON')
    .option('--json', 'one JSON object')
    .addHelpText('after', epilogue)
    .action(async (file: string, { json }: { readonly json?: true }) => {
      const { io, output } = context;
      const { values, problems: inFile } = readConfigFile(file);
      const problems = inFile.length > 0 ? inFile : together(file);
      const isValid = problems.length === 0;
      if (json) await output.json({ file, valid: isValid, settings: Object.keys(values).length, problems });
      else if (isValid)
        await output.line(`${printable(file)}: ${Object.keys(values).length} settings, all of them valid`);
      else for (const problem of problems) io.stderr.write(`${printable(describeProblem(file, problem))}\n`);
      done(isValid ? exitCodes.done : exitCodes.failed);
    });
}

/** Finds settings that are valid alone and not together. */
function together(file: string): ConfigProblem[] {
  try {
    toServeOptions(readSettings({ config: file }, {}));
    return [];
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return [{ message: error.message }];
  }
}
