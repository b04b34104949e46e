/**
 * All that builds write, as lines in the form of `docker build --progress plain`: `#5 [web 2/2] RUN make`, `#5 0.148 ...`,
 * `#5 DONE 0.2s`. Hands each line on at once and keeps none.
 */
import { StringDecoder } from 'node:string_decoder'
import { type StatusResponse, Timestamp } from './buildkit/messages.ts'

/** Takes what one build writes. */
export interface BuildOutput {
  /** From BuildKit. */
  status(status: StatusResponse): void
  /** From the classic builder. */
  text(text: string): void
  /** Nothing more comes: a line without an end is one. */
  end(): void
}

/** Steps that are remembered; a build has tens. */
const STEPS = 2000
/** A line without an end is cut here. */
const LINE_CHARACTERS = 16_384

export class Transcript {
  readonly #write: (service: string, line: string) => void
  readonly #naming: 'bare' | 'by-service'
  #count = 0
  #current: Step | undefined

  /** `by-service`: steps say whose they are, where several builds go side by side. */
  constructor(naming: 'bare' | 'by-service', write: (service: string, line: string) => void) {
    this.#naming = naming
    this.#write = write
  }

  of(service: string): BuildOutput {
    const steps = new Map<string, Step>()
    const text = new Lines()
    const stepOf = (digest: string): Step => {
      const known = steps.get(digest)
      if (known !== undefined) return known
      const step = new Step(service)
      steps.set(digest, step)
      if (steps.size > STEPS) steps.delete(steps.keys().next().value!)
      return step
    }
    return {
      status: (status) => {
        for (const vertex of status.vertexes) this.#begin(stepOf(vertex.digest), vertex)
        for (const part of status.statuses) this.#part(stepOf(part.vertex), part)
        for (const { vertex, msg, timestamp } of status.logs) {
          const step = stepOf(vertex)
          for (const line of step.lines.add(msg)) this.#say(step, `${step.secondsAt(timestamp)}${line}`)
        }
        // One message may hold a step's last words and its end.
        for (const vertex of status.vertexes) this.#finish(stepOf(vertex.digest), vertex)
        for (const { vertex, short } of status.warnings) this.#say(stepOf(vertex), `WARN: ${short.toString()}`)
      },
      text: (more) => {
        for (const line of text.add(Buffer.from(more))) this.#write(service, line)
      },
      end: () => {
        for (const step of steps.values()) for (const line of step.lines.rest()) this.#say(step, line)
        for (const line of text.rest()) this.#write(service, line)
      },
    }
  }

  #begin(step: Step, vertex: StatusResponse['vertexes'][number]): void {
    if (step.isOver) return
    if (vertex.name !== '') step.name = vertex.name
    if (vertex.started.length === 0) return
    step.startedAt ??= secondsOf(vertex.started)
    this.#turnTo(step)
  }

  #finish(step: Step, vertex: StatusResponse['vertexes'][number]): void {
    if (step.isOver || vertex.completed.length === 0) return
    for (const line of step.lines.rest()) this.#say(step, line)
    if (vertex.error !== '') this.#say(step, `ERROR: ${vertex.error}`)
    else if (vertex.cached) this.#say(step, 'CACHED')
    else this.#say(step, `DONE ${(secondsOf(vertex.completed) - (step.startedAt ?? 0)).toFixed(1)}s`)
    step.isOver = true
    step.parts.clear()
  }

  /** Said once, when it is done: what it was on the way is for screens that can take it back. */
  #part(step: Step, part: StatusResponse['statuses'][number]): void {
    if (step.isOver || part.completed.length === 0 || step.parts.has(part.ID)) return
    step.parts.add(part.ID)
    const size =
      part.total > 0
        ? ` ${bytesOf(part.current)} / ${bytesOf(part.total)}`
        : part.current > 0
          ? ` ${bytesOf(part.current)}`
          : ''
    const seconds = part.started.length === 0 ? 0 : secondsOf(part.completed) - secondsOf(part.started)
    this.#say(step, `${part.ID}${size}${seconds >= 0.1 ? ` ${seconds.toFixed(1)}s` : ''} done`)
  }

  #say(step: Step, words: string): void {
    this.#turnTo(step)
    this.#write(step.service, `#${step.number} ${words}`)
  }

  /** Lines of a step stand below its name; after those of another its name is said again. */
  #turnTo(step: Step): void {
    if (this.#current === step) return
    if (this.#current !== undefined) this.#write(step.service, '')
    this.#current = step
    if (step.number === 0) {
      this.#count += 1
      step.number = this.#count
    }
    this.#write(step.service, `#${step.number} ${this.#naming === 'bare' ? step.name : named(step)}`)
  }
}

class Step {
  readonly service: string
  readonly lines = new Lines()
  /** Parts that were said. */
  readonly parts = new Set<string>()
  /** 0: it has said nothing yet. */
  number = 0
  name = ''
  startedAt: number | undefined
  isOver = false

  constructor(service: string) {
    this.service = service
  }

  secondsAt(timestamp: Buffer): string {
    if (this.startedAt === undefined || timestamp.length === 0) return ''
    return `${Math.max(secondsOf(timestamp) - this.startedAt, 0).toFixed(3)} `
  }
}

/** `[2/3] RUN make` of service web: `[web 2/3] RUN make`. */
function named({ service, name }: Step): string {
  return name.startsWith('[') ? `[${service} ${name.slice(1)}` : `[${service}] ${name}`
}

/** Whole lines of bytes that come in pieces. */
class Lines {
  readonly #decoder = new StringDecoder('utf8')
  #rest = ''

  add(bytes: Buffer): string[] {
    const parts = (this.#rest + this.#decoder.write(bytes)).split(/\r?\n|\r(?!$)/)
    this.#rest = parts.pop()!
    if (this.#rest.length > LINE_CHARACTERS) {
      parts.push(this.#rest)
      this.#rest = ''
    }
    return parts
  }

  rest(): string[] {
    const last = this.#rest.replace(/\r$/, '')
    this.#rest = ''
    return last === '' ? [] : [last]
  }
}

function secondsOf(timestamp: Buffer): number {
  const { seconds, nanos } = Timestamp.decode(timestamp)
  return seconds + nanos / 1e9
}

function bytesOf(count: number): string {
  if (count < 1000) return `${count}B`
  const power = Math.min(Math.floor(Math.log10(count) / 3), 4)
  return `${(count / 1000 ** power).toFixed(2)}${['', 'kB', 'MB', 'GB', 'TB'][power]}`
}
