import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const IMAGE_BYTES = 192 * 1024 * 1024;

/**
 * EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH: nothing more reaches the disk, not even the file
 * system's log. The call takes a while, and a process that waits for a sync meanwhile may get a success: the
 * kernel reports that for a commit of its log that it has given up. A real power cut leaves nobody to be
 * told. So the processor stops first: the named processes are stopped, and have stopped, while their requests
 * to the disk continue.
 */
const SHUT_DOWN = `
import fcntl, os, signal, struct, sys
def state(process):
    with open(f'/proc/{process}/stat') as stat:
        return stat.read().rpartition(')')[2].split()[0]
disk = os.open(sys.argv[1], os.O_RDONLY)
for process in sys.argv[2:]:
    os.kill(int(process), signal.SIGSTOP)
    while state(process) in 'RSD':
        pass
fcntl.ioctl(disk, 0x8004587D, struct.pack('I', 2))
`;

/** A disk whose power can be cut: a file system with a journal, in a file. */
export class Disk {
  private constructor(
    private readonly image: string,
    /** Mount point. */
    readonly folder: string,
  ) {}

  /** @throws Error if this machine has no such disk: it takes root, loop devices, mkfs.ext4 and python3 */
  static async create(folder: string): Promise<Disk> {
    const disk = new Disk(join(folder, 'image'), join(folder, 'disk'));
    await run('python3', ['-c', 'import fcntl']);
    await run('truncate', ['-s', String(IMAGE_BYTES), disk.image]);
    await run('mkfs.ext4', ['-q', '-F', disk.image]);
    await mkdir(disk.folder);
    await disk.#mount();
    return disk;
  }

  /** Loses everything that was not written by now; these processes do nothing any more. */
  async cutPower(...processes: readonly number[]): Promise<void> {
    await run('python3', ['-c', SHUT_DOWN, this.folder, ...processes.map(String)]);
  }

  /** Nobody may have files open here, nor any process that was started while somebody had. */
  async startAgain(): Promise<void> {
    await this.remove();
    await this.#mount();
  }

  async remove(): Promise<void> {
    await run('umount', [this.folder]);
  }

  async #mount(): Promise<void> {
    await run('mount', ['-o', 'loop', this.image, this.folder]);
  }
}

/**
 * Messages of a machine that has no such disk, or forbids making one: anything else is a fault of these
 * tests.
 */
const refusals =
  /spawn \S+ ENOENT|not permitted|[Pp]ermission denied|superuser|loop device|unknown filesystem|Inappropriate ioctl|not supported/;

/** Returns the reason why this machine cannot cut the power. @throws Error for any other failure */
export async function whyNoPowerCut(): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'stowken-power-'));
  try {
    const disk = await Disk.create(folder);
    try {
      await disk.cutPower();
    } finally {
      await disk.remove();
    }
    return undefined;
  } catch (error) {
    const { message } = error as Error;
    if (!refusals.test(message)) throw error;
    return message.trim();
  } finally {
    await rm(folder, { recursive: true });
  }
}
