/** Runs a program of this machine to its end, and hands on what it says line by line. */
import { spawn } from 'node:child_process'
import { basename } from 'node:path'
import type { Readable } from 'node:stream'
import { Problem } from '../../protocol/problems.ts'

export interface Program {
  readonly path: string
  readonly args: readonly string[]
  /** All of it: nothing else of ours is handed on. */
  readonly environment: Readonly<Record<string, string>>
  /** Without one it takes its time: it may make something elsewhere. Ctrl-C of a terminal reaches it as it reaches us. */
  readonly timeoutMs?: number
}

const LINE_LIMIT = 1_000_000
const ERRORS_SHOWN = 2000

/** `line` may throw, which ends the program. Rejects with the end of its standard error where it ends with an error. */
export async function runProgram(program: Program, line: (text: string) => void): Promise<void> {
  const name = basename(program.path)
  const child = spawn(program.path, program.args, {
    env: program.environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(program.timeoutMs === undefined ? {} : { timeout: program.timeoutMs }),
  })
  const ended = new Promise<string | undefined>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('close', (code, signal) => {
      resolve(code === 0 ? undefined : signal === null ? `exit status ${code}` : `ended by ${signal}`)
    })
  })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-ERRORS_SHOWN)
  })
  try {
    await eachLine(child.stdout, name, line)
  } catch (error) {
    child.kill()
    await ended
    throw error
  }
  const how = await ended
  if (how === undefined) return
  throw new Problem('dependency-failed', [`${name}: ${how}`, errors.trim()].filter(Boolean).join('\n'))
}

/** What it says altogether. */
export async function outputOf(program: Program): Promise<string> {
  let text = ''
  await runProgram(program, (line) => {
    text += `${line}\n`
    if (text.length > LINE_LIMIT) throw tooMuch(basename(program.path))
  })
  return text
}

async function eachLine(stream: Readable, name: string, line: (text: string) => void): Promise<void> {
  let rest = ''
  for await (const chunk of stream.setEncoding('utf8')) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop()!
    if (rest.length > LINE_LIMIT) throw tooMuch(name)
    lines.forEach(line)
  }
  if (rest !== '') line(rest)
}

const tooMuch = (name: string) => new Problem('payload-too-large', `${name} said more than ${LINE_LIMIT} characters`)
