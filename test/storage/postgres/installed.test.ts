import { expect, it } from 'vitest';
import { backendKinds } from '../../contract/support.js';
import { postgresMissing } from '../../support/postgres.js';

it.skipIf(postgresMissing !== undefined)(
  `vaults in PostgreSQL are tested here${postgresMissing === undefined ? '' : `: no, ${postgresMissing}`}`,
  () => expect(backendKinds).toContain('postgres'),
);
