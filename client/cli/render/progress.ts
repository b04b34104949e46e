/** A deployment as it goes on: on a terminal one line per object that changes in place, otherwise a line per change. */
import type { Step } from '../../../protocol/resources/deployment.ts'
import type { Output } from '../output.ts'

export interface ProgressView {
  steps(steps: readonly Step[]): void
  end(): void
}

export function progressView(output: Output): ProgressView {
  switch (output.progress) {
    case 'tty':
      return new TerminalView(output)
    case 'plain':
      return new PlainView()
    case 'json':
      return new JsonView()
    case 'quiet':
      return { steps: () => {}, end: () => {} }
  }
}

/** Objects that a person did not ask about: waits stand with the service they wait for, renames are our own affair. */
const HIDDEN = new Set(['rename-container', 'refuse'])

/** A line for each change, in the order of time: also of what began and ended between two looks. */
export class PlainView implements ProgressView {
  readonly #said = new Map<string, string>()

  steps(steps: readonly Step[]): void {
    const lines = steps.filter(isShown).flatMap((step) => this.#linesOf(step))
    for (const { text } of lines.sort((one, other) => one.at - other.at)) process.stderr.write(` ${text}\n`)
  }

  end(): void {}

  #linesOf(step: Step): { readonly at: number; readonly text: string }[] {
    const { id, object, state, label, doing, startedAt, endedAt } = step
    const said = this.#said.get(id)
    if (said === label) return []
    this.#said.set(id, label)
    const began = { at: timeOf(startedAt), text: `${object}  ${doing}` }
    const now = { at: timeOf(endedAt ?? startedAt), text: `${object}  ${label}` }
    if (state === 'failed') now.text += ` ${step.error?.detail.split('\n')[0] ?? ''}`
    return said === undefined && doing !== undefined && doing !== label ? [began, now] : [now]
  }
}

function isShown({ state, action }: Step): boolean {
  return state === 'failed' || (state !== 'waiting' && state !== 'skipped' && !HIDDEN.has(action))
}

const timeOf = (at: string | undefined): number => (at === undefined ? 0 : Date.parse(at))

class JsonView implements ProgressView {
  steps(steps: readonly Step[]): void {
    for (const { id, object, label, state, detail, error } of steps) {
      process.stderr.write(
        `${JSON.stringify({ id: object, step: id, status: label, state, detail, error: error?.detail })}\n`,
      )
    }
  }

  end(): void {}
}

interface Row {
  label: string
  state: Step['state']
  detail: string | undefined
  startedAt: number | undefined
  endedAt: number | undefined
}

const TICK_MS = 100
const SPINNER = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']

class TerminalView implements ProgressView {
  readonly #output: Output
  readonly #objects = new Map<string, Map<string, Step>>()
  readonly #timer: NodeJS.Timeout
  #drawn = 0
  #tick = 0
  #ended = false

  constructor(output: Output) {
    this.#output = output
    this.#timer = setInterval(() => this.#draw(), TICK_MS)
  }

  steps(steps: readonly Step[]): void {
    for (const step of steps) {
      if (HIDDEN.has(step.action) && step.state !== 'failed') continue
      const known = this.#objects.get(step.object) ?? new Map<string, Step>()
      known.set(step.id, step)
      this.#objects.set(step.object, known)
    }
  }

  end(): void {
    if (this.#ended) return
    this.#ended = true
    clearInterval(this.#timer)
    this.#draw()
  }

  #draw(): void {
    if (this.#objects.size === 0) return
    this.#tick += 1
    const rows = [...this.#objects].map(([object, steps]) => [object, rowOf([...steps.values()])] as const)
    const done = rows.filter(([, row]) => row.state === 'done').length
    const height = Math.max((process.stderr.rows ?? 24) - 2, 5)
    // What does not fit is what is finished; it still counts in the first line.
    const shown = rows.length <= height ? rows : rows.filter(([, row]) => row.state !== 'done').slice(0, height)
    const { colors } = this.#output
    const width = Math.max(...shown.map(([object]) => object.length), 0)
    const lines = [
      colors.blue(`[+] Running ${done}/${rows.length}`),
      ...shown.map(([object, row]) => this.#line(object.padEnd(width), row)),
    ]
    const up = this.#drawn > 0 ? `\u001b[${this.#drawn}A` : ''
    process.stderr.write(`${up}${lines.map((line) => `\u001b[2K${line}\n`).join('')}\u001b[0J`)
    this.#drawn = lines.length
  }

  #line(object: string, row: Row): string {
    const { colors } = this.#output
    const seconds =
      row.startedAt === undefined ? '' : `${(((row.endedAt ?? Date.now()) - row.startedAt) / 1000).toFixed(1)}s`
    const columns = process.stderr.columns ?? 80
    const text = ` ${object}  ${row.label.padEnd(10)} ${row.detail ?? ''}`.slice(0, Math.max(columns - 12, 20))
    const gap = ' '.repeat(Math.max(columns - text.length - seconds.length - 4, 1))
    switch (row.state) {
      case 'done':
        return ` ${colors.green('✔')}${text}${gap}${colors.blue(seconds)}`
      case 'failed':
        return ` ${colors.red('✘')}${text}${gap}${seconds}`
      case 'skipped':
        return ` ${colors.yellow('-')}${text}`
      default:
        return ` ${colors.cyan(SPINNER[this.#tick % SPINNER.length]!)}${text}${gap}${colors.blue(seconds)}`
    }
  }
}

/** An object's line says what happens to it now, and how long all of it takes. */
function rowOf(steps: readonly Step[]): Row {
  const current =
    steps.find((step) => step.state === 'failed') ??
    steps.find((step) => step.state === 'running') ??
    steps.findLast((step) => step.state === 'done') ??
    steps[0]!
  const rest = steps.some((step) => step.state === 'waiting' || step.state === 'running')
  const starts = steps.flatMap((step) => (step.startedAt === undefined ? [] : [Date.parse(step.startedAt)]))
  const ends = steps.flatMap((step) => (step.endedAt === undefined ? [] : [Date.parse(step.endedAt)]))
  return {
    label: current.label,
    state: current.state === 'done' && rest ? 'running' : current.state,
    detail: current.state === 'failed' ? current.error?.detail.split('\n')[0] : current.detail,
    startedAt: starts.length === 0 ? undefined : Math.min(...starts),
    endedAt: rest || ends.length === 0 ? undefined : Math.max(...ends),
  }
}
