/** Returns a count with a noun: "1 token", "2 tokens". */
export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
