// What HAProxy says of itself, asked at its master's socket by a program that shares no code with the daemon.
import net from 'node:net'
import { join } from 'node:path'

/** `daemon`: the one whose ingress it is. */
export class HaproxyAsked {
  #path
  constructor(daemon) {
    this.#path = join(daemon.state, 'ingress/master.sock')
  }

  /** Process ids of the workers, as HAProxy numbers them: the one of now first. */
  async workers() {
    return (await this.#ask('show proc')).split('\n').flatMap((line) => {
      const [pid, type] = line.split(/\s+/)
      return type === 'worker' ? [Number(pid)] : []
    })
  }

  /** Sessions that are open on a container, in each worker that has some. */
  async sessions(containerId) {
    const found = new Map()
    for (const pid of await this.workers()) {
      const [head, ...lines] = (await this.#ask(`@!${pid} show stat -1 4 -1`)).replace(/^# /, '').split('\n')
      const keys = head.split(',')
      const sum = lines
        .map((line) => line.split(','))
        .filter((fields) => fields[keys.indexOf('svname')] === containerId.slice(0, 12))
        .reduce((total, fields) => total + Number(fields[keys.indexOf('scur')]), 0)
      if (sum > 0) found.set(pid, sum)
    }
    return found
  }

  #ask(command) {
    return new Promise((resolve, reject) => {
      const socket = net.connect(this.#path)
      let answer = ''
      socket.setEncoding('utf8')
      socket.on('data', (text) => {
        answer += text
      })
      socket.on('error', reject)
      socket.on('end', () => resolve(answer))
      socket.end(`${command}\n`)
    })
  }
}
