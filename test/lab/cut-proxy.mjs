// A TCP port of this machine in front of another one, whose connections are cut on demand or after so many bytes towards it.
import { connect, createServer } from 'node:net'

export async function startCutProxy({ host, port }) {
  const pairs = new Set()
  let budget = Number.POSITIVE_INFINITY
  let cuts = 0
  let carried = 0
  const cut = () => {
    cuts += 1
    for (const pair of pairs) for (const socket of pair) socket.destroy()
  }
  const server = createServer((client) => {
    const upstream = connect(port, host)
    const pair = [client, upstream]
    pairs.add(pair)
    for (const socket of pair) {
      socket.on('error', () => {})
      socket.once('close', () => {
        for (const other of pair) other.destroy()
        pairs.delete(pair)
      })
    }
    client.on('data', (chunk) => {
      carried += chunk.length
      if (carried <= budget) return
      budget = Number.POSITIVE_INFINITY
      cut()
    })
    client.pipe(upstream)
    upstream.pipe(client)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `https://127.0.0.1:${server.address().port}`,
    /** Once, when so many more bytes have gone towards the daemon. */
    cutAfter(bytes) {
      budget = carried + bytes
    },
    cut,
    cuts: () => cuts,
    /** Bytes that went towards the daemon. */
    carried: () => carried,
    stop() {
      cut()
      server.close()
    },
  }
}
