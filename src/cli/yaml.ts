import { createRequire } from 'node:module';
import type * as Yaml from 'yaml';

const require = createRequire(import.meta.url);

/** Loads the parser of YAML on first use: that takes as long as a short command, and few read YAML. */
export function yaml(): typeof Yaml {
  return require('yaml') as typeof Yaml;
}
