import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { tellServiceManager } from '../../daemon/service-manager.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const has = (program: string) => spawnSync(program, ['--version']).error === undefined

/** Takes one datagram, as systemd would, and prints it. Leaving closes what systemd-notify waits for. */
const RECEIVER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
print(s.recv(4096).decode().splitlines()[0], flush=True)
s.recv(4096)
`

describe.skipIf(!has('python3') || !has('systemd-notify'))('systemd', () => {
  test.each(['READY=1', 'STOPPING=1'] as const)('is told %s at its socket', async (state) => {
    const socket = join(temporaryFolder(), 'notify')
    const receiver = spawn('python3', ['-c', RECEIVER, socket], { stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    receiver.stdout.on('data', (chunk) => {
      text += chunk
    })
    await once(receiver.stdout, 'data')
    const complaints: unknown[] = []
    const ended = once(receiver, 'close')
    await tellServiceManager(
      state,
      { ...process.env, NOTIFY_SOCKET: socket },
      { warn: (fields) => complaints.push(fields) },
    )
    await ended
    expect(text.trim().split('\n')).toEqual(['bound', state])
    expect(complaints).toEqual([])
  })

  test('that does not answer is a word in the log, and no more', async () => {
    const complaints: string[] = []
    const environment = { ...process.env, NOTIFY_SOCKET: '/nowhere/notify' }
    await tellServiceManager('READY=1', environment, { warn: (_, message) => complaints.push(message) })
    expect(complaints).toEqual(['systemd could not be told READY=1 (systemd-notify)'])
  })
})

test('without systemd nobody is told', async () => {
  const complaints: unknown[] = []
  await tellServiceManager('READY=1', { PATH: '/nowhere' }, { warn: (fields) => complaints.push(fields) })
  expect(complaints).toEqual([])
})
