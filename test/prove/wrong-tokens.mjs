import { randomInt } from 'node:crypto'
import { HttpsCaller, startHttpsDaemon, tokenFor } from '../lab/https-daemon.mjs'
import { median } from './statistics.mjs'

const ATTEMPTS = 10_000
const SOURCES = 50
const FREE = 10
const PATH = '/v1/whoami'

/** Loopback has 2^24 addresses: each of these is another source to the daemon. */
const addressOf = (number) => `127.0.1.${number + 1}`

export const wrongTokens = {
  name: 'wrong-tokens',
  shows: `${ATTEMPTS} wrong tokens from ${SOURCES} addresses: each address is locked out, the owner and others never are`,
  async run({ engine, show }) {
    const daemon = await startHttpsDaemon(engine, 'wrong-tokens')
    const callers = Array.from({ length: SOURCES }, (_, number) => addressOf(number))
    try {
      const right = await tokenFor(daemon, 'right', '--role', 'viewer')
      const elsewhere = new HttpsCaller(daemon, { token: right, from: '127.0.2.1' })
      const before = daemon.status().residentKiB
      const started = Date.now()
      const counts = {}
      const ownerMs = []
      const elsewhereMs = []
      let attacking = true
      const others = (async () => {
        const wrong = []
        while (attacking) {
          ownerMs.push(await timed(async () => (await daemon.must(['whoami'])).code))
          elsewhereMs.push(
            await timed(async () => {
              const { status } = await elsewhere.call('GET', PATH)
              if (status !== 200) wrong.push(status)
            }),
          )
        }
        return wrong
      })()
      await Promise.all(
        callers.map(async (from) => {
          const caller = new HttpsCaller(daemon, { from })
          for (let attempt = 0; attempt < ATTEMPTS / SOURCES; attempt += 1) {
            const headers = { authorization: `Bearer ${wrongToken(right)}` }
            const { code } = await caller.call('GET', PATH, { headers })
            counts[code] = (counts[code] ?? 0) + 1
          }
          caller.close()
        }),
      )
      const seconds = (Date.now() - started) / 1000
      attacking = false
      const refusedElsewhere = await others
      const sum = Object.values(counts).reduce((one, other) => one + other, 0)
      show('answered', `${sum}, in ${seconds.toFixed(0)} s`, `${ATTEMPTS}`, sum === ATTEMPTS)
      show('let in', `${counts.undefined ?? 0}`, '0', (counts.undefined ?? 0) === 0)
      // Each wait that ends in the meantime is worth one attempt more.
      const waits = Math.floor(Math.log2(seconds / 30 + 1)) + 1
      show(
        'looked at (the others met a lock-out)',
        `${counts.unauthenticated}`,
        `<= ${SOURCES * (FREE + waits)}`,
        counts.unauthenticated <= SOURCES * (FREE + waits) && counts['too-many-attempts'] >= ATTEMPTS * 0.9,
      )
      const locked = new HttpsCaller(daemon, { token: right, from: addressOf(0) })
      const late = await locked.call('GET', PATH)
      show('the right token from a locked address', `${late.status} ${late.code}`, '429', late.status === 429)
      locked.close()
      show(
        'the owner on the socket meanwhile',
        `${ownerMs.length} of ${ownerMs.length} commands, median ${median(ownerMs).toFixed(0)} ms`,
        'all',
        ownerMs.length > 0,
      )
      show(
        'a right token from elsewhere meanwhile',
        `${elsewhereMs.length - refusedElsewhere.length} of ${elsewhereMs.length}, median ${median(elsewhereMs).toFixed(1)} ms, at most ${Math.max(...elsewhereMs).toFixed(0)} ms`,
        'all',
        elsewhereMs.length > 0 && refusedElsewhere.length === 0,
      )
      elsewhere.close()
      const grown = daemon.status().residentKiB - before
      show('memory of the daemon', `+${(grown / 1024).toFixed(0)} MiB`, '<= 100 MiB', grown <= 100 * 1024)
      const audit = (await daemon.must(['audit', '--tail', '100000', '--format', 'json'])).stdout.trim().split('\n')
      const bound = 2 * SOURCES * (FREE + waits) + 10
      show('entries of the audit', `${audit.length}`, `<= ${bound}`, audit.length <= bound)
      const verified = await daemon.ek(['audit', '--verify'])
      show('the audit', verified.stdout.trim().slice(0, 60), 'intact', verified.code === 0)
    } finally {
      await daemon.remove()
    }
  },
}

/** One that was never made; half of them as good as a right one to the eye. */
function wrongToken(right) {
  if (randomInt(2) === 0) return `ek_${'0'.repeat(49)}`
  const at = randomInt(3, right.length)
  return `${right.slice(0, at)}${right[at] === 'a' ? 'b' : 'a'}${right.slice(at + 1)}`
}

async function timed(work) {
  const started = process.hrtime.bigint()
  await work()
  return Number(process.hrtime.bigint() - started) / 1e6
}
