import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** A server in a process of its own, so that it alone is what is measured. */
export interface ServerProcess {
  readonly address: string;
  /** The most memory it has had resident, in bytes; only where there is /proc. */
  peakMemoryBytes(): number;
  stop(): Promise<void>;
}

/** Starts `node SCRIPT ARGS...` and waits for the line that tells its address. */
export async function startProcess(script: string, args: readonly string[]): Promise<ServerProcess> {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const address = await addressOf(child);
  return {
    address,
    peakMemoryBytes() {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      return Number(/VmHWM:\s*(\d+) kB/.exec(status)?.[1] ?? NaN) * 1024;
    },
    async stop() {
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

async function addressOf(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stdout! })) {
    const match = /listening on (\S+)/.exec(line);
    if (match) {
      child.stdout!.resume();
      return match[1]!;
    }
  }
  throw new Error('the server ended before it listened');
}
