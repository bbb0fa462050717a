import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

export interface StowkenProcess {
  readonly child: ChildProcess;
  readonly address: string;
  /** Address of the port for metrics; "" without one. */
  readonly metrics: string;
  /** Address of the page, as a browser takes it; "" without one. */
  readonly page: string;
  /** Resolves to the exit code, or null after a signal. */
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null>;
}

/** Starts `stowken serve` from build/ in a process of its own; resolves when it listens. */
export function startStowken(...args: string[]): Promise<StowkenProcess> {
  return start(args, process.env);
}

/** Starts a server whose storage looks for its own mistakes, unless STOWKEN_STRICT is set to 0. */
export function startStrictStowken(...args: string[]): Promise<StowkenProcess> {
  return start(args, { STOWKEN_STRICT: '1', ...process.env });
}

/** Starts a server that loads each source as a module of its own, as coverage wants it. */
export function startStowkenByModules(...args: string[]): Promise<StowkenProcess> {
  return start(args, process.env, '#build/src/main.js');
}

async function start(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  program = '#build/programs/main.js',
): Promise<StowkenProcess> {
  const main = createRequire(import.meta.url).resolve(program);
  const usual = ['--listen', '127.0.0.1:0', '--log-level', 'error', '--drain-timeout', '600'];
  const all = [main, 'serve', ...usual, ...args];
  const child = spawn(process.execPath, all, { stdio: ['ignore', 'pipe', 'inherit'], env });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  let address: string | undefined;
  let metrics = '';
  let page = '';
  for await (const line of createInterface({ input: child.stdout })) {
    address ??= /listening on (\S+)/.exec(line)?.[1];
    metrics ||= /metrics on (\S+)/.exec(line)?.[1] ?? '';
    page ||= /page on (\S+)/.exec(line)?.[1] ?? '';
    if (address === undefined || (args.includes('--metrics') && metrics === '')) continue;
    if (args.includes('--http') && page === '') continue;
    return {
      child,
      address,
      metrics,
      page,
      async kill(signal) {
        child.kill(signal);
        return (await exited)[0];
      },
    };
  }
  throw new Error(`stowken serve ended before it listened: ${(await exited).join(' ')}`);
}
