import { describe, expect, test } from 'vitest'
import { StatusResponse, Timestamp } from '../../../daemon/build/buildkit/messages.ts'
import { Transcript } from '../../../daemon/build/transcript.ts'

const at = (seconds: number): Buffer =>
  Timestamp.encode({ seconds: Math.trunc(seconds), nanos: Math.round((seconds % 1) * 1e9) })
const NEVER = Buffer.alloc(0)

const vertex = (digest: string, more: object = {}) => ({
  digest,
  name: `[${digest}] RUN`,
  cached: false,
  started: at(100),
  completed: NEVER,
  error: '',
  ...more,
})
const log = (digest: string, text: string, seconds = 100.5) => ({
  vertex: digest,
  timestamp: at(seconds),
  stream: 1,
  msg: Buffer.from(text),
})

function written(naming: 'bare' | 'by-service' = 'bare') {
  const lines: string[] = []
  const transcript = new Transcript(naming, (_, line) => lines.push(line))
  const send = (service: string, value: Parameters<typeof StatusResponse.encode>[0]) =>
    outputs[service]!.status(StatusResponse.decode(StatusResponse.encode(value)))
  const outputs: Record<string, ReturnType<Transcript['of']>> = { web: transcript.of('web'), db: transcript.of('db') }
  return { lines, send, outputs }
}

describe('the transcript of a build', () => {
  test('has a step’s name, what it writes with the time, and how long it took', () => {
    const { lines, send } = written()
    send('web', { vertexes: [vertex('1/2')], logs: [log('1/2', 'one\ntwo\n')] })
    send('web', { vertexes: [vertex('1/2', { completed: at(102.3) })] })
    expect(lines).toEqual(['#1 [1/2] RUN', '#1 0.500 one', '#1 0.500 two', '#1 DONE 2.3s'])
  })

  test('has the last words of a step before its end, also where both come at once', () => {
    const { lines, send } = written()
    const done = { current: 94, total: 0, started: at(100), completed: at(100) }
    send('web', {
      vertexes: [vertex('1/1', { completed: at(101) })],
      statuses: [{ ID: 'transferring dockerfile:', vertex: '1/1', ...done }],
      logs: [log('1/1', 'without an end')],
    })
    expect(lines).toEqual(['#1 [1/1] RUN', '#1 transferring dockerfile: 94B done', '#1 without an end', '#1 DONE 1.0s'])
  })

  test('tells a step that was cached, and one that failed', () => {
    const { lines, send } = written()
    send('web', { vertexes: [vertex('a', { cached: true, completed: at(100) })] })
    send('web', { vertexes: [vertex('b', { error: 'exit code: 3', completed: at(100) })] })
    expect(lines).toEqual(['#1 [a] RUN', '#1 CACHED', '', '#2 [b] RUN', '#2 ERROR: exit code: 3'])
  })

  test('says a step’s name again after the lines of another', () => {
    const { lines, send } = written()
    send('web', { vertexes: [vertex('a'), vertex('b')] })
    send('web', { logs: [log('a', 'x\n')] })
    expect(lines).toEqual(['#1 [a] RUN', '', '#2 [b] RUN', '', '#1 [a] RUN', '#1 0.500 x'])
  })

  test('says whose a step is where several builds go side by side', () => {
    const { lines, send } = written('by-service')
    send('web', { vertexes: [vertex('1/2')] })
    send('db', { vertexes: [vertex('1/2', { name: 'exporting to image' })] })
    expect(lines).toEqual(['#1 [web 1/2] RUN', '', '#2 [db] exporting to image'])
  })

  test('of the classic builder is its text, a line at a time', () => {
    const { lines, outputs } = written()
    outputs.web!.text('Step 1/2 : FROM')
    outputs.web!.text(' x\nlast')
    expect(lines).toEqual(['Step 1/2 : FROM x'])
    outputs.web!.end()
    expect(lines).toEqual(['Step 1/2 : FROM x', 'last'])
  })
})
