// A Unix socket in front of an Engine that writes down each call: to show what a program asks of it.

import { rmSync } from 'node:fs'
import { createServer, request } from 'node:http'
import { connect } from 'node:net'

export async function engineProxy(engineUrl, socketPath) {
  const target = engineUrl.replace(/^unix:\/\//, '')
  const calls = []
  rmSync(socketPath, { force: true })
  const server = createServer((incoming, outgoing) => {
    calls.push({ method: incoming.method, path: incoming.url.replace(/^\/v[\d.]+/, '').split('?')[0] })
    const forwarded = request(
      { socketPath: target, method: incoming.method, path: incoming.url, headers: incoming.headers },
      (answer) => {
        outgoing.writeHead(answer.statusCode, answer.headers)
        outgoing.flushHeaders()
        answer.pipe(outgoing)
      },
    )
    forwarded.on('error', () => outgoing.destroy())
    outgoing.on('close', () => forwarded.destroy())
    incoming.pipe(forwarded)
  })
  server.on('upgrade', (incoming, socket, head) => {
    calls.push({ method: incoming.method, path: incoming.url.replace(/^\/v[\d.]+/, '').split('?')[0] })
    const upstream = connect(target, () => {
      const headers = Object.entries(incoming.headers).map(([key, value]) => `${key}: ${value}`)
      upstream.write(`${incoming.method} ${incoming.url} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`)
      upstream.write(head)
      socket.pipe(upstream).pipe(socket)
    })
    upstream.on('error', () => socket.destroy())
    socket.on('error', () => upstream.destroy())
  })
  await new Promise((resolve) => server.listen(socketPath, resolve))
  return {
    url: `unix://${socketPath}`,
    calls,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
