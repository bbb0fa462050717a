import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { cpuSeconds, memoryOf, processTree, type Memory } from './process-tree.js';

/** A server in a process of its own, so that its figures are its own. */
export interface ServerProcess {
  readonly address: string;
  /** Memory of it and of the processes that it has started; requires /proc. */
  memory(): Memory;
  cpuSeconds(): number;
  stop(): Promise<void>;
}

/** Starts `node SCRIPT ARGS...` and waits for the line with its address. */
export async function startProcess(script: string, args: readonly string[]): Promise<ServerProcess> {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const address = await addressOf(child);
  return {
    address,
    memory: () => memoryOf(processTree(child.pid!)),
    cpuSeconds: () => cpuSeconds(processTree(child.pid!)),
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
