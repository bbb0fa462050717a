import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  defaultIntakeBytes,
  groupMemoryBytes,
  readSettings,
  toServeOptions,
} from '../../src/cli/serve/settings.js';

const MiB = 1024 * 1024;

describe('--intake-bytes', () => {
  const bytes = (size: unknown) => toServeOptions(readSettings({ intakeBytes: size }, {})).intakeBytes;

  it.each([
    ['16777216', 16 * MiB],
    ['512MiB', 512 * MiB],
    ['16384KiB', 16 * MiB],
    ['2GiB', 2048 * MiB],
    [64 * MiB, 64 * MiB],
    ['auto', defaultIntakeBytes()],
    [undefined, defaultIntakeBytes()],
  ])('of %s is %i bytes', (size, expected) => expect(bytes(size)).toBe(expected));

  it.each(['15MiB', '1', '-1', '1GB', '1.5GiB', 'much', '', '99999999999999GiB'])(
    'of %j is refused',
    (size) => {
      expect(() => bytes(size)).toThrow(/--intake-bytes: it is auto, or a number of bytes.*at least 16MiB/);
    },
  );

  it('comes from the environment and the config file too', () => {
    expect(readSettings({}, { STOWKEN_INTAKE_BYTES: '32MiB' })['intake-bytes']).toBe(32 * MiB);
    expect(readSettings({}, { STOWKEN_REQUEST_IDLE_TIMEOUT: '5' })['request-idle-timeout']).toBe(5);
    expect(() => readSettings({ connectionIdleTimeout: '0' }, {})).toThrow(/--connection-idle-timeout/);
  });

  it('is a quarter of the memory unless it is given', () => {
    const quarter = Math.floor(Math.min(totalmem(), groupMemoryBytes('/')) / 4);
    expect(defaultIntakeBytes()).toBe(quarter);
  });
});

describe('the memory of a control group', () => {
  let root: string;
  beforeEach(() => (root = mkdtempSync(join(tmpdir(), 'stowken-cgroup-'))));
  afterEach(() => rmSync(root, { recursive: true }));

  const file = (name: string, text: string) => {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  };

  it('in version 2 is the least of its own and of those around it', () => {
    file('proc/self/cgroup', '0::/a/b\n');
    file('sys/fs/cgroup/a/b/memory.max', 'max\n');
    expect(groupMemoryBytes(root)).toBe(Infinity);
    file('sys/fs/cgroup/a/memory.max', '3000\n');
    expect(groupMemoryBytes(root)).toBe(3000);
    file('sys/fs/cgroup/a/b/memory.max', '2000\n');
    expect(groupMemoryBytes(root)).toBe(2000);
  });

  it('in version 1 is found by the controller, and at the mount in a container that does not see its path', () => {
    file('proc/self/cgroup', '9:name=systemd:/\n4:cpu,memory:/docker/x\n0::/\n');
    file('sys/fs/cgroup/memory/memory.limit_in_bytes', '5000\n');
    expect(groupMemoryBytes(root)).toBe(5000);
    file('sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes', '4000\n');
    expect(groupMemoryBytes(root)).toBe(4000);
  });

  it('is without bound where there are no groups', () => expect(groupMemoryBytes(root)).toBe(Infinity));
});
