// Finding and running the machine's own commands, without a shell.
import { execFile } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** The full path of a command on PATH or in the folders that only root has on its PATH; undefined where there is none. */
export function findCommand(name, path = process.env.PATH ?? '') {
  for (const folder of [...path.split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin']) {
    if (!folder) continue
    try {
      accessSync(join(folder, name), constants.X_OK)
      return join(folder, name)
    } catch {
      // not in this folder
    }
  }
  return undefined
}

/** Runs a command to its end; resolves with its output, or throws with its last words. */
export function run(command, args, { env, cwd, timeoutMs = 60_000 } = {}) {
  return new Promise((resolve, reject) => {
    const options = { env: { ...process.env, ...env }, cwd, timeout: timeoutMs, maxBuffer: 64 << 20 }
    execFile(command, args, options, (error, stdout, stderr) => {
      if (!error) return resolve(stdout)
      const words = (stderr || stdout || error.message).trim().split('\n').slice(-8).join('\n')
      reject(new Error(`${[command, ...args].join(' ')} failed: ${words}`, { cause: error }))
    })
  })
}

/** Runs a command whose failure does not matter (the thing is there already, or gone already); says whether it succeeded. */
export async function tryRun(command, args, options) {
  try {
    await run(command, args, options)
    return true
  } catch {
    return false
  }
}
