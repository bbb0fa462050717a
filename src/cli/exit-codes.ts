/** Exit codes of `stowken`. A command that a signal interrupts exits with 128 and its number: 130 or 143. */
export const exitCodes = {
  done: 0,
  /** An error was reported on standard error. */
  failed: 1,
  /** Wrong usage: nothing was done. */
  usage: 2,
  /**
   * `serve` found the vault damaged; another start will not help. The number is EX_CONFIG of sysexits.h, on
   * which a supervisor can be configured not to restart it (systemd: RestartPreventExitStatus=78).
   */
  damaged: 78,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Receives the process's exit code when a command has finished its work. */
export type Done = (code: ExitCode) => void;
