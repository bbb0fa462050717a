/** Makes holes in files, with calls of the operating system. */
export interface HolePunch {
  /**
   * Gives the blocks of [from, to) back to the file system; the bytes are zero afterwards, and the file's
   * size stays. Returns false if it was a hole already. @throws HolesUnsupported, or Error
   */
  punch(descriptor: number, from: number, to: number): boolean;
}

/** Error of a file system that makes no holes. */
export class HolesUnsupported extends Error {
  override readonly name = 'HolesUnsupported';
}

const KEEP_SIZE = 1;
const PUNCH_HOLE = 2;
const SEEK_DATA = 3;

/**
 * Loads it. Resolves to a reason in words if this system has none: Node has no such call,
 * so that it needs the optional package koffi, on Linux.
 *
 * The calls are made on the thread that holds LMDB's lock of writers. A command, or another thread, could
 * outlive a process that is killed, and make a hole in a page that the next owner of the lock has used.
 */
export async function loadHolePunch(): Promise<HolePunch | string> {
  if (process.platform !== 'linux')
    return `free pages are given back on Linux alone, not on ${process.platform}`;
  if (!['x64', 'arm64', 'riscv64', 'ppc64', 'loong64', 's390x'].includes(process.arch))
    return `free pages are given back on 64-bit systems alone, not on ${process.arch}`;
  try {
    const { default: koffi } = await import('koffi');
    const libc = koffi.load(null);
    const fallocate = libc.func('int fallocate(int fd, int mode, int64_t offset, int64_t length)');
    const lseek = libc.func('int64_t lseek(int fd, int64_t offset, int whence)');
    const { ENXIO, EOPNOTSUPP, ENOSYS, EINTR } = koffi.os.errno;
    return {
      punch(descriptor, from, to) {
        const data = Number(lseek(descriptor, from, SEEK_DATA));
        if (data >= to || (data < 0 && koffi.errno() === ENXIO)) return false;
        for (;;) {
          if (fallocate(descriptor, KEEP_SIZE + PUNCH_HOLE, from, to - from) === 0) return true;
          const code = koffi.errno();
          if (code === EINTR) continue;
          if (code === EOPNOTSUPP || code === ENOSYS)
            throw new HolesUnsupported('the file system of the vault makes no holes in files');
          throw new Error(`fallocate failed with errno ${code}`);
        }
      },
    };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND')
      return 'the optional package koffi is not installed';
    return `the optional package koffi does not work here: ${(error as Error).message}`;
  }
}
