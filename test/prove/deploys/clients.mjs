import { fork } from 'node:child_process'

/** The clients' process. */
export class Load {
  #child
  constructor(netns) {
    const program = new URL('./load.mjs', import.meta.url)
    this.#child =
      netns === undefined
        ? fork(program)
        : fork(program, { execPath: 'ip', execArgv: ['netns', 'exec', netns, process.execPath] })
  }

  async start(options) {
    this.#child.send({ start: { host: '127.0.0.1', ...options } })
  }

  ask() {
    return new Promise((resolve, reject) => {
      const ended = () => reject(new Error('the clients ended'))
      this.#child.once('exit', ended)
      this.#child.once('message', ({ answer }) => {
        this.#child.removeListener('exit', ended)
        resolve(answer)
      })
      this.#child.send({ ask: true })
    })
  }

  stop() {
    this.#child.removeAllListeners('exit')
    if (this.#child.connected) this.#child.send({ stop: true })
  }
}
