// A dockerd process of ours: started apart from this process, watched until it answers.
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { whyNoAnswer } from './engine-call.mjs'

/**
 * Starts dockerd in a session of its own, so that it outlives this process, and in no folder that may be removed: the git that it
 * runs for builds ends where there is none. Its output is appended to `logPath`.
 */
export function spawnDockerd({ command, args, env, logPath }) {
  const log = openSync(logPath, 'a')
  const stdio = ['ignore', log, log]
  const child = spawn(command, args, { cwd: '/', detached: true, stdio, env: { ...process.env, ...env } })
  closeSync(log)
  child.unref()
  const daemon = { pid: child.pid, logPath, ended: undefined }
  daemon.exit = new Promise((resolve) => {
    const end = (how) => {
      daemon.ended = how
      resolve(how)
    }
    child.once('error', (error) => end(error.message))
    child.once('exit', (code, signal) => end(signal ? `signal ${signal}` : `exit code ${code}`))
  })
  return daemon
}

/** Signals a dockerd that spawnDockerd started and waits for its end; throws where it lives on for a minute. */
export async function endDockerd(daemon, signal) {
  if (daemon.ended) return
  process.kill(daemon.pid, signal)
  // The child is unreferenced: it is this timer that keeps our process alive until the child has ended.
  const timer = new AbortController()
  const tooLong = delay(60_000, undefined, { signal: timer.signal }).catch(() => undefined) // aborted below
  const ended = await Promise.race([daemon.exit, tooLong])
  timer.abort()
  if (!ended) throw new Error(`dockerd (process ${daemon.pid}) did not end upon ${signal}:\n${logTail(daemon.logPath)}`)
}

/** Waits until the Engine answers; throws when its dockerd ends before that, or when the deadline passes. */
export async function untilItAnswers(engineUrl, { daemon, deadlineMs = 60_000 }) {
  const deadline = Date.now() + deadlineMs
  for (;;) {
    const why = await whyNoAnswer(engineUrl)
    if (!why) return
    if (daemon?.ended)
      throw new Error(`dockerd ended (${daemon.ended}) before it answered:\n${logTail(daemon.logPath)}`)
    if (Date.now() > deadline)
      throw new Error(
        `No Engine answered at ${engineUrl} within ${deadlineMs / 1000} s (${why.message})${daemon ? `:\n${logTail(daemon.logPath)}` : '.'}`,
      )
    await delay(100)
  }
}

export function logTail(logPath, lines = 12) {
  try {
    return readFileSync(logPath, 'utf8').trimEnd().split('\n').slice(-lines).join('\n')
  } catch {
    return '' // no log was written
  }
}
