/** What a build writes, as lines for people, and the last of it for the error. Holds a bounded tail, nothing more. */
import { StringDecoder } from 'node:string_decoder'
import type { StatusResponse } from './buildkit/messages.ts'
import type { BuildOutput } from './transcript.ts'

const TAIL_LINES = 10
const TAIL_CHARACTERS = 8000
const LINE_CHARACTERS = 200
/** Steps that are remembered; a build has tens. */
const STEPS = 2000

/** The end of a text that goes on. */
class Tail {
  #text = ''
  readonly #decoder = new StringDecoder('utf8')

  add(bytes: Buffer): string {
    const text = this.#decoder.write(bytes)
    this.#text = (this.#text + text).slice(-TAIL_CHARACTERS)
    return text
  }

  lines(): string[] {
    const lines = this.#text.replaceAll('\r\n', '\n').split(/[\n\r]/)
    return lines.filter((line) => line.trim() !== '').slice(-TAIL_LINES)
  }
}

interface Step {
  readonly name: string
  readonly tail: Tail
  reported: 'no' | 'started' | 'done'
}

export class BuildLog {
  readonly #report: (detail: string) => void
  readonly #output: BuildOutput | undefined
  readonly #steps = new Map<string, Step>()
  readonly #all = new Tail()
  #failed: Step | undefined

  constructor(report: (detail: string) => void, output?: BuildOutput) {
    this.#report = report
    this.#output = output
  }

  /** Output of a builder that knows no steps. */
  write(text: string): void {
    this.#output?.text(text)
    this.#say(this.#all.add(Buffer.from(text)))
  }

  status(status: StatusResponse): void {
    this.#output?.status(status)
    const { vertexes, logs, warnings } = status
    for (const { digest, name, cached, started, completed, error } of vertexes) {
      const step = this.#step(digest, name)
      if (error !== '') this.#failed = step
      if (cached && step.reported !== 'done') {
        step.reported = 'done'
        this.#line(`CACHED ${step.name}`)
      } else if (started.length > 0 && step.reported === 'no') {
        step.reported = 'started'
        this.#line(step.name)
      } else if (completed.length > 0 && error === '' && step.reported === 'started') step.reported = 'done'
    }
    for (const { vertex, msg } of logs) {
      this.#all.add(msg)
      this.#say(this.#step(vertex, '').tail.add(msg))
    }
    for (const { short } of warnings) this.#line(`warning: ${short.toString()}`)
  }

  get isEmpty(): boolean {
    return this.#steps.size === 0
  }

  /** The last lines of the step that failed, or of all where none did. */
  tail(): string {
    const failed = this.#failed?.tail.lines() ?? []
    return (failed.length > 0 ? failed : this.#all.lines()).join('\n')
  }

  get failedStep(): string | undefined {
    return this.#failed?.name
  }

  #step(digest: string, name: string): Step {
    const known = this.#steps.get(digest)
    if (known !== undefined && (known.name !== '' || name === '')) return known
    const step: Step = { name, tail: known?.tail ?? new Tail(), reported: 'no' }
    this.#steps.set(digest, step)
    if (this.#steps.size > STEPS) this.#steps.delete(this.#steps.keys().next().value!)
    return step
  }

  /** The last line of what was written just now. */
  #say(text: string): void {
    const line = text.split(/[\n\r]/).findLast((part) => part.trim() !== '')
    if (line !== undefined) this.#line(line.trim())
  }

  #line(text: string): void {
    this.#report(text.slice(0, LINE_CHARACTERS))
  }
}
