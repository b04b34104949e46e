import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Runtime } from '../../../daemon/ingress/runtime.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** A master's socket that has these answers, and what it was asked. */
async function aMaster(answers: Readonly<Record<string, string>>): Promise<{ runtime: Runtime; asked: string[] }> {
  const asked: string[] = []
  const path = join(temporaryFolder(), 'master.sock')
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    let command = ''
    socket.on('data', (data) => {
      command += data
    })
    socket.on('end', () => {
      asked.push(command.trim())
      socket.end(answers[command.trim()] ?? '\n')
    })
  })
  server.listen(path)
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return { runtime: new Runtime(path, path), asked }
}

/** As HAProxy 2.6 prints it, after a reload with a connection that is left. */
const PROCESSES = `#<PID>          <type>          <reloads>       <uptime>        <version>
1               master          4 [failed: 1]   0d00h35m17s     2.6.12-1+deb12u4
# workers
24              worker          0               0d00h00m06s     2.6.12-1+deb12u4
# old workers
20              worker          1               0d00h01m12s     2.6.12-1+deb12u4
# programs

`
const stat = (sessions: number) => `# pxname,svname,qcur,qmax,scur,smax\nshop:web:80:http,one,0,0,${sessions},9\n`
const SERVERS = `1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_port
3 shop:web:80:http 1 one 172.18.0.2 2 0 1 80
3 shop:web:80:http 2 two 172.18.0.3 2 8 1 80
3 shop:web:80:http 3 three 172.18.0.4 0 1 1 80
`

describe('the runtime API', () => {
  it('tells the worker of now from those of before a reload', async () => {
    const { runtime } = await aMaster({ 'show proc': PROCESSES })
    expect(await runtime.workers()).toEqual({ current: 24, old: [20], failedReloads: 1 })
  })

  it('counts the connections of a container in all of them', async () => {
    const { runtime } = await aMaster({
      'show proc': PROCESSES,
      '@!24 show stat -1 4 -1': stat(1),
      '@!20 show stat -1 4 -1': stat(50),
    })
    expect(await runtime.connections('one')).toBe(51)
  })

  it('says which containers there are, where, and what comes to them', async () => {
    const { runtime } = await aMaster({ '@1 show servers state': SERVERS })
    const servers = await runtime.servers()
    expect(servers.map(({ name, address, state }) => `${name} ${address} ${state}`)).toEqual([
      'one 172.18.0.2:80 ready',
      'two 172.18.0.3:80 draining',
      'three 172.18.0.4:80 out',
    ])
  })

  it('has a container come and go, and says where it cannot go yet', async () => {
    const { runtime, asked } = await aMaster({
      '@1 add server b/one 172.18.0.2:80': 'New server registered.\n',
      '@1 set server b/one addr 172.18.0.9 port 80':
        "IP changed from '172.18.0.2' to '172.18.0.9' by 'stats socket command'\n",
      '@1 del server b/one': 'Server deleted.\n',
      '@1 del server b/two': 'Server still has connections attached to it, cannot remove it.\n',
    })
    await runtime.add('b', 'one', '172.18.0.2:80')
    await runtime.move('b', 'one', { host: '172.18.0.9', port: 80 })
    expect(await runtime.remove('b', 'one')).toBe(true)
    expect(await runtime.remove('b', 'two')).toBe(false)
    expect(asked).toEqual([
      '@1 add server b/one 172.18.0.2:80',
      '@1 set server b/one addr 172.18.0.9 port 80',
      '@1 set server b/one state maint',
      '@1 del server b/one',
      '@1 set server b/two state maint',
      '@1 del server b/two',
    ])
  })

  it('makes a map say what it is to say, in all workers that have it', async () => {
    const { runtime, asked } = await aMaster({
      'show proc': PROCESSES,
      '@!24 show map m': '0x1 a 1\n0x2 b 2\n',
      '@!20 show map m': 'Unknown map identifier. Please use #<id> or <file>.\n',
    })
    expect(
      await runtime.replaceMap(
        'm',
        new Map([
          ['b', '3'],
          ['c', '4'],
        ]),
      ),
    ).toBe(true)
    expect(asked.filter((command) => !command.includes('show'))).toEqual([
      '@!24 del map m a',
      '@!24 set map m b 3',
      '@!24 add map m c 4',
    ])
  })

  it('fails with what it was refused, and where nobody answers', async () => {
    const { runtime } = await aMaster({ 'set server b/one state drain': 'No such server.\n' })
    await expect(runtime.setStates([{ backend: 'b', name: 'one', state: 'draining' }])).rejects.toMatchObject({
      code: 'ingress-failed',
      message: expect.stringContaining('No such server.'),
    })
    await expect(new Runtime('/nowhere/master.sock', '/nowhere/worker.sock').structure()).rejects.toMatchObject({
      code: 'ingress-failed',
    })
  })
})
