import { basename } from 'node:path';

/** Names under which the package installs the command. */
const installed = new Set(['stowken', 'stowken-server']);

/**
 * Returns how this command is called here: by its name if it is installed, otherwise as the script in the
 * project's folder.
 */
export function commandName(file: string | undefined = process.argv[1]): string {
  const name = basename(file ?? '');
  return installed.has(name) ? name : './stowken';
}
