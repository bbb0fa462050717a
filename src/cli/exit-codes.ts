/** Exit codes of `stowken`. A command that a signal interrupts exits with 128 and its number: 130 or 143. */
export const exitCodes = {
  done: 0,
  /** Something failed and was named on standard error. */
  failed: 1,
  /** Wrong usage: nothing was done. */
  usage: 2,
  /**
   * `serve` found the vault damaged, and starting it again will not help. The number is EX_CONFIG of sysexits.h: a
   * supervisor is told not to restart it (systemd: RestartPreventExitStatus=78).
   */
  damaged: 78,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Takes what the process exits with, once a command's work has come to its end. */
export type Done = (code: ExitCode) => void;
