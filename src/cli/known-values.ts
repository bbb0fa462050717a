import type { Option } from 'commander';

/**
 * Values of options that are checked elsewhere, for completion. Commander's own `choices` would check them
 * too, and print them a second time in the help text.
 */
const known = new WeakMap<Option, readonly string[]>();

export function withKnownValues(option: Option, values: readonly string[]): Option {
  known.set(option, values);
  return option;
}

/** Returns the values that an option can have, if there are few. */
export function knownValues(option: Option): readonly string[] {
  return known.get(option) ?? option.argChoices ?? [];
}
