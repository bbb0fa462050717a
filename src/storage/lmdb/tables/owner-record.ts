import type { OwnerRecord } from '../../folder-lock.js';
import type { Environment } from './environment.js';

/** Key in `meta` of the name of the owner's socket. */
export const OWNER_KEY = 3;

/** The owner's name in the vault itself: a transaction compares it and replaces it. */
export function ownerRecord(environment: Environment): OwnerRecord {
  const { meta } = environment.tables;
  const read = () => {
    const record = meta.get(OWNER_KEY);
    return record && Buffer.from(record).toString('utf8');
  };
  return {
    read: async () => read(),
    replace: (found, name) =>
      environment.write(() => {
        if (read() !== found) return false;
        meta.put(OWNER_KEY, Buffer.from(name));
        return true;
      }),
  };
}
