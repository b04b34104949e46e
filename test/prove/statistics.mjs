export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** `median (min-max), n` in milliseconds. */
export function spreadOf(values) {
  const round = (value) => value.toFixed(value < 10 ? 1 : 0)
  return `${round(median(values))} ms (${round(Math.min(...values))}-${round(Math.max(...values))}), n=${values.length}`
}

/** Runs contenders in turn, the order reversed every other round, so that a noisy neighbour hits all alike. */
export async function interleaved(rounds, contenders) {
  const times = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]))
  for (let round = 0; round < rounds; round += 1) {
    const names = Object.keys(contenders)
    if (round % 2 === 1) names.reverse()
    for (const name of names) times[name].push(await contenders[name]())
  }
  return times
}
