// A gRPC service (image ek-lab/grpc) without TLS on 9000, its messages JSON. It calls itself VERSION.
// Say answers with the version, its host and what it was told; Refuse answers NOT_FOUND with a detail in its trailer; Count streams numbers,
// one each 50 ms, up to the one that is asked for; Chat answers each message as it comes.
// Upon SIGTERM it takes nothing new and ends once what is under way has.
import { hostname } from 'node:os'
import { Metadata, Server, ServerCredentials, status } from '@grpc/grpc-js'
import { service } from '../grpc-service.mjs'

const version = process.env.VERSION ?? 'none'
const server = new Server()
server.addService(service, {
  Say: ({ request }, answer) => answer(null, { version, host: hostname(), text: request.text }),
  Refuse: (_call, answer) => {
    const metadata = new Metadata()
    metadata.set('detail', version)
    answer({ code: status.NOT_FOUND, details: 'there is no such thing', metadata })
  },
  Count: (call) => {
    let at = 0
    const timer = setInterval(() => {
      at += 1
      call.write({ version, at })
      if (at < call.request.upTo) return
      clearInterval(timer)
      call.end()
    }, 50)
    call.on('cancelled', () => clearInterval(timer))
  },
  Chat: (call) => {
    call.on('data', ({ text }) => call.write({ version, text }))
    call.on('end', () => call.end())
  },
})
server.bindAsync('0.0.0.0:9000', ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error
})
process.on('SIGTERM', () => server.tryShutdown(() => process.exit(0)))
