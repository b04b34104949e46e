// The least that a process on Node between docker and the Engine can do: hands bytes on, and looks at none of them.
//
//   node test/prove/relay.mjs LISTEN_SOCKET ENGINE_SOCKET
import { connect, createServer } from 'node:net'

const [listen, engine] = process.argv.slice(2)

createServer({ allowHalfOpen: true }, (client) => {
  const server = connect({ path: engine, allowHalfOpen: true })
  const end = () => {
    client.destroy()
    server.destroy()
  }
  client.on('error', end)
  server.on('error', end)
  client.pipe(server)
  server.pipe(client)
}).listen(listen)
