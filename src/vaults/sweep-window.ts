/** Part of the day, in minutes since midnight where the server is. It may pass midnight. */
export interface SweepWindow {
  readonly fromMinute: number;
  readonly toMinute: number;
}

/** True if a moment is in the window; always without one. */
export function isInWindow(window: SweepWindow | undefined, timeMs: number): boolean {
  if (window === undefined) return true;
  const now = new Date(timeMs);
  const minute = 60 * now.getHours() + now.getMinutes();
  const { fromMinute, toMinute } = window;
  if (fromMinute < toMinute) return minute >= fromMinute && minute < toMinute;
  return minute >= fromMinute || minute < toMinute;
}
