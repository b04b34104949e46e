/** What stands on the command line of a proof. */

/** The value of a flag such as `--runs 20` among a proof's arguments, as a number. */
export function numberOf(args, flag, fallback) {
  const word = wordOf(args, flag)
  return word === undefined ? fallback : Number(word)
}

/** What follows a flag; undefined: the flag is not there. */
export function wordOf(args, flag) {
  const at = args.indexOf(flag)
  return at < 0 ? undefined : args[at + 1]
}

/** Whether the time of `--minutes` is over; without that flag it never is. */
export function clockOf(args) {
  const end = performance.now() + numberOf(args, '--minutes', Number.POSITIVE_INFINITY) * 60_000
  return { isOver: () => performance.now() > end }
}
