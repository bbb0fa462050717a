import { type Command, Option } from 'commander';
import { z } from 'zod';
import { withKnownValues } from '../known-values.js';
import { type Setting, settings, storageKinds } from './options.js';

/** Adds an option for every setting of a server, and --config. */
export function withSettings(command: Command): Command {
  for (const [name, setting] of Object.entries<Setting>(settings)) command.addOption(flag(name, setting));
  return command.option('--config <file>', 'a file of settings, YAML or JSON; $STOWKEN_CONFIG by default');
}

function flag(name: string, { value, help, initial, schema, many }: Setting): Option {
  const shown = value === undefined || initial === undefined ? help : `${help} (default: ${String(initial)})`;
  const option = new Option(value === undefined ? `--${name}` : `--${name} <${value}>`, shown);
  if (many) option.argParser((text, others: readonly string[] = []) => [...others, text]);
  // A storage may also be a database, which has no fixed name.
  if (name === 'storage') return withKnownValues(option, storageKinds);
  return schema instanceof z.ZodEnum ? withKnownValues(option, schema.options.map(String)) : option;
}
