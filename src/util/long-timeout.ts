/** The longest that a timer of Node can wait, some 25 days: a longer one would ring at once. */
export const longestTimerMs: number = 2 ** 31 - 1

/** As `setTimeout`, for any time: a limit of a year is one. */
export function setLongTimeout(onTime: () => void, ms: number, longestMs: number = longestTimerMs): NodeJS.Timeout {
  if (ms <= longestMs) return setTimeout(onTime, ms)
  let legs = Math.ceil(ms / longestMs)
  const timer = setTimeout(() => {
    legs--
    if (legs > 0) timer.refresh()
    else onTime()
  }, ms / legs)
  return timer
}
