import { connect } from 'node:net'
import { localSocket } from '../../address.ts'
import { unreachable } from '../../connection.ts'
import { command } from '../command.ts'

/** The far end of `ssh://`: whoever may log in and open the socket may use the daemon. */
export default command({
  name: 'dial-stdio',
  describe: "Join standard input and output to the daemon's socket here (for ssh://)",
  options: { socket: { type: 'string', describe: 'The socket', placeholder: 'PATH' } },
  run(_, { socket }) {
    // Never on to another machine: neither host nor context of the environment counts.
    const path = socket ?? localSocket(process.env, process.getuid?.())
    return new Promise<number>((resolve, reject) => {
      const connection = connect({ path, allowHalfOpen: true })
      connection.once('error', (error) =>
        reject(
          unreachable({ url: `unix://${path}`, way: { kind: 'unix', socketPath: path }, token: undefined }, error),
        ),
      )
      connection.once('connect', () => {
        process.stdin.pipe(connection)
        connection.pipe(process.stdout)
      })
      connection.once('close', () => {
        process.stdin.destroy()
        resolve(0)
      })
    })
  },
})
