/** Where this installation is: the daemon's program stands beside the client's. */
import { realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The client's file is `dist/evenkeel.cjs`. */
export function daemonProgram(client: string = process.argv[1]!): string {
  return join(dirname(realpathSync(client)), 'bin', 'evenkeeld')
}
