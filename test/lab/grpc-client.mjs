// A client of the lab's gRPC service, on a connection of its own. It tries nothing again but what was never
// sent, or refused unread, as each client of gRPC does (gRPC proposal A6, "transparent retries").
import { Client, credentials } from '@grpc/grpc-js'
import { service } from './grpc-service.mjs'

/** `host`: what it asks for, whatever address it asks. `ca`: PEM of the only authority that it trusts; undefined: without TLS. */
export class GrpcClient {
  #client

  constructor({ address, host, ca }) {
    this.#client = new Client(
      address,
      ca === undefined ? credentials.createInsecure() : credentials.createSsl(Buffer.from(ca)),
      {
        'grpc.default_authority': host,
        'grpc.ssl_target_name_override': host,
        'grpc.use_local_subchannel_pool': 1,
      },
    )
  }

  /**
   * The answer to `text`; a failed call throws what gRPC says: `code`, `details`, `metadata`.
   *
   * @param {string} text
   * @returns {Promise<{ version: string, host: string, text: string }>}
   */
  say(text) {
    return this.#unary(service.Say, { text })
  }

  refuse() {
    return this.#unary(service.Refuse, {})
  }

  /**
   * Numbers up to `upTo`: `begun` when the first has come, `all` when the last has.
   *
   * @param {number} upTo
   * @returns {{ begun: Promise<unknown>, all: Promise<{ version: string, at: number }[]> }}
   */
  count(upTo) {
    const { path, requestSerialize, responseDeserialize } = service.Count
    const call = this.#client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      { upTo },
      this.#limit,
    )
    return { begun: new Promise((resolve) => call.once('data', resolve)), all: messages(call) }
  }

  /**
   * Sends each text once the one before has been answered.
   *
   * @param {string[]} texts
   * @returns {Promise<{ version: string, text: string }[]>}
   */
  async chat(texts) {
    const { path, requestSerialize, responseDeserialize } = service.Chat
    const call = this.#client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, this.#limit)
    const left = [...texts]
    const next = () => (left.length > 0 ? call.write({ text: left.shift() }) : call.end())
    call.on('data', next)
    const all = messages(call)
    next()
    return all
  }

  close() {
    this.#client.close()
  }

  get #limit() {
    return { deadline: Date.now() + 60_000 }
  }

  #unary({ path, requestSerialize, responseDeserialize }, message) {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        message,
        this.#limit,
        (error, answer) => (error === null ? resolve(answer) : reject(error)),
      )
    })
  }
}

function messages(call) {
  return new Promise((resolve, reject) => {
    const all = []
    call.on('data', (message) => all.push(message))
    call.on('error', reject)
    call.on('end', () => resolve(all))
  })
}
