/** Plays inputs in batches, each of a seed of its own, and writes what it finds as JSON lines. Started by run.mjs. */
import { play } from './play.ts'
import { readSeeds } from './seeds.ts'

interface Order {
  readonly seed: number
  readonly inputs: number
  readonly batch: number
  readonly failuresLimit: number
  readonly corpus?: string
}

const order = JSON.parse(process.argv[2] ?? '{}') as Order
const seeds = readSeeds(order.corpus)
const say = (what: object): void => {
  process.stdout.write(`${JSON.stringify(what)}\n`)
}
let failures = 0
for (let done = 0; done < order.inputs && failures < order.failuresLimit; done += order.batch) {
  const count = Math.min(order.batch, order.inputs - done)
  const played = play(seeds, order.seed + Math.floor(done / order.batch), count)
  for (const failure of played.failures) {
    failures += 1
    const files = Object.fromEntries(
      Object.entries(failure.input.files).filter(([path, text]) => seeds.beside[path] !== text),
    )
    say({ failure: { ...failure, input: { ...failure.input, files } } })
  }
  say({ accepted: played.accepted, refused: played.refused, residentKiB: process.resourceUsage().maxRSS })
}
