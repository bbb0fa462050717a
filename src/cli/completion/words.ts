import type { CommandSyntax, Word } from './syntax.js';

/** Places of the command line, each as the path of a command and the word before the cursor. */
export interface Words {
  /** Paths of commands below the first. */
  readonly descents: readonly string[];
  /** Options with a value: the word after them is no command. */
  readonly skips: readonly string[];
  /** Values that may come after options. */
  readonly values: readonly { readonly paths: readonly string[]; readonly word: Word }[];
}

/** Lists the places where a shell must know more than the names of commands and options. */
export function words(commands: readonly CommandSyntax[]): Words {
  const grouped = new Map<string, { paths: string[]; word: Word }>();
  for (const { path, options } of commands)
    for (const { names, value } of options) {
      if (value === undefined) continue;
      const key = JSON.stringify(value);
      const group = grouped.get(key) ?? { paths: [], word: value };
      group.paths.push(...names.map((name) => `${path} ${name}`));
      grouped.set(key, group);
    }
  const values = [...grouped.values()];
  return {
    descents: commands.slice(1).map(({ path }) => path),
    skips: values.flatMap(({ paths }) => paths),
    values,
  };
}
