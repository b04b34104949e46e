import { execFileSync } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  statfsSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { LabDaemon, runProgram, temporaryFolder, until, writeStack } from '../lab/daemon.mjs'
import { engineCall, engineJson } from '../lab/engine-call.mjs'
import { sweep } from '../lab/sweep.mjs'

const STACK = 'ek-bad-days'
const FAKETIME = [
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1',
]

export const badDays = {
  name: 'bad-days',
  shows:
    'a state folder that is full, read-only or truncated, and a clock that is set back by an hour: stacks go on untouched, the daemon says what is wrong, and recovers',
  async run({ engine, show, note }) {
    if (process.getuid() !== 0) {
      note('mounting a small file system needs root')
      return
    }
    for (const day of [fullDisk, readOnly, truncated, clockSetBack]) {
      const ground = await Ground.make(engine)
      try {
        await day(ground, show, note)
      } finally {
        await ground.remove()
      }
    }
  },
}

/** A daemon whose state is on a file system of its own, and a stack of two services. */
class Ground {
  static async make(engine) {
    await sweep(engine, STACK)
    const folder = temporaryFolder('bad-days')
    const ground = new Ground(engine, folder)
    mkdirSync(ground.daemon.state)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m,mode=0700', 'ek-bad-days', ground.daemon.state])
    ground.files = temporaryFolder('bad-days-stack')
    ground.write('1')
    return ground
  }

  constructor(engine, folder) {
    this.engine = engine
    this.folder = folder
    this.daemon = new LabDaemon({ engine, folder: folder.path })
  }

  write(version) {
    writeStack(this.files.path, {
      services: 2,
      service: () => ({ environment: { VERSION: version }, stop_grace_period: '0s' }),
      top: { name: STACK },
    })
  }

  async up() {
    await this.daemon.must(['up'], { cwd: this.files.path })
    await this.steady()
  }

  steady(deadlineMs = 30_000) {
    return until('the stack is steady', async () => (await this.condition()) === 'steady', { deadlineMs, everyMs: 200 })
  }

  async condition() {
    return JSON.parse((await this.daemon.must(['ls', '-a', '--format', 'json'])).stdout)[0]?.Condition
  }

  /** Id and start of each container: what is untouched is the same afterwards. */
  async containers() {
    const filters = encodeURIComponent(JSON.stringify({ label: [`com.docker.compose.project=${STACK}`] }))
    const list = await engineJson(this.engine, 'GET', `/containers/json?all=true&filters=${filters}`)
    const all = await Promise.all(list.map(({ Id }) => engineJson(this.engine, 'GET', `/containers/${Id}/json`)))
    return all.map(({ Id, State }) => `${Id.slice(0, 12)} ${State.StartedAt}`).sort()
  }

  /** Of an attempt to change something, what the person is told. */
  async refusal() {
    this.write('2')
    const { code, stderr, stdout } = await this.daemon.ek(['up'], { cwd: this.files.path, timeoutMs: 30_000 })
    return { code, text: `${stderr}${stdout}`.trim().split('\n').slice(0, 2).join(' / ') }
  }

  /** A container is taken away while nothing can be written; it is back once something can. */
  async loseOne() {
    const [first] = await this.containers()
    await engineCall(this.engine, 'DELETE', `/containers/${first.split(' ')[0]}?force=1`)
  }

  /** What it says when it is started in this state. */
  startFails() {
    const { socket, state } = this.daemon
    return runProgram(
      join(import.meta.dirname, '../../dist/bin/evenkeeld'),
      ['--socket', socket, '--state', state, '--engine', this.engine],
      { timeoutMs: 20_000 },
    )
  }

  async remove() {
    await this.daemon.ek(['-p', STACK, 'down', '-t', '0'])
    await this.daemon.stop()
    execFileSync('umount', [this.daemon.state])
    await sweep(this.engine, STACK)
    this.files.remove()
    this.folder.remove()
  }
}

async function fullDisk(ground, show) {
  await ground.daemon.start()
  await ground.up()
  const before = await ground.containers()
  const ballast = join(ground.daemon.state, 'ballast')
  fill(ballast, ground.daemon.state)
  const { code, text } = await ground.refusal()
  show('full disk: what `up` answers', text, 'the disk is full', code !== 0 && text.includes('the disk is full'))
  await delay(3000)
  await showUntouched(ground, show, before, 'full disk: containers untouched')
  await ground.loseOne()
  await delay(3000)
  const alive = await ground.daemon.ek(['ps', '-q'], { cwd: ground.files.path })
  show('full disk: the daemon answers', String(alive.code), '0', alive.code === 0)
  execFileSync('rm', [ballast])
  const freedAt = Date.now()
  await ground.steady()
  await until('both containers are there', async () => (await ground.containers()).length === 2, { deadlineMs: 30_000 })
  show(
    'full disk: steady once there is space',
    `${((Date.now() - freedAt) / 1000).toFixed(1)} s`,
    '<= 10 s',
    Date.now() - freedAt <= 10_000,
  )
  await ground.up()
  const replaced = (await ground.containers()).filter((one) => !before.includes(one)).length
  show('full disk: the next `up` makes the new version', `${replaced} of 2 containers are new`, '2', replaced === 2)
  // The same at its start.
  await ground.daemon.stop()
  fill(ballast, ground.daemon.state)
  const failed = await ground.startFails()
  const said = failed.stderr.trim().split('\n').slice(0, 1).join('')
  show(
    'full disk: what a start says',
    said || 'it starts',
    'the disk is full, or it starts',
    said === '' || said.includes('the disk is full'),
  )
  execFileSync('rm', [ballast])
  const running = await ground.containers()
  await ground.daemon.start()
  await ground.steady()
  const same = isSame(running, await ground.containers())
  show('full disk: started once there is space', same, 'yes', same === 'yes')
}

async function readOnly(ground, show) {
  await ground.daemon.start()
  await ground.up()
  const before = await ground.containers()
  const { state } = ground.daemon
  // Files that are open for writing keep a file system from being made read-only: the daemon is down for that.
  await ground.daemon.stop()
  execFileSync('mount', ['-o', 'remount,ro', state])
  const failed = await ground.startFails()
  const said = failed.stderr.trim().split('\n')[0]
  show(
    'read-only: what a start says',
    said,
    'it is read-only, exit 1',
    failed.code === 1 && said.includes('it is read-only'),
  )
  await showUntouched(ground, show, before, 'read-only: containers untouched')
  execFileSync('mount', ['-o', 'remount,rw', state])
  await ground.daemon.start()
  await ground.steady()
  await showUntouched(ground, show, before, 'read-only: started once it can be written')
}

async function truncated(ground, show) {
  await ground.daemon.start()
  await ground.up()
  const before = await ground.containers()
  const backup = join(ground.folder.path, 'backup.tar')
  await ground.daemon.must(['system', 'backup', '-o', backup])
  await ground.daemon.stop()
  const database = join(ground.daemon.state, 'state.db')
  for (const part of ['-wal', '-shm']) if (existsSync(`${database}${part}`)) truncateSync(`${database}${part}`, 0)
  truncateSync(database, Math.floor(readFileSync(database).length / 2))
  const failed = await ground.startFails()
  const said = failed.stderr.trim().split('\n')
  const isClear = said[0].includes('is damaged') && said.join(' ').includes('--restore')
  show(
    'truncated database: what a start says',
    said[0].slice(0, 120),
    'is damaged, with the ways out',
    failed.code === 1 && isClear,
  )
  await showUntouched(ground, show, before, 'truncated database: containers untouched')
  const { socket, state } = ground.daemon
  const program = join(import.meta.dirname, '../../dist/bin/evenkeeld')
  const restored = await runProgram(program, ['--socket', socket, '--state', state, '--restore', backup])
  if (restored.code !== 0) throw new Error(`--restore: ${restored.stderr}`)
  await ground.daemon.start()
  await ground.daemon.must(['resume', '--all'])
  await ground.steady()
  await showUntouched(ground, show, before, 'truncated database: restored from a backup')
}

async function clockSetBack(ground, show, note) {
  const library = FAKETIME.find((path) => existsSync(path))
  if (library === undefined) {
    note('a clock set back: libfaketime is not here (apt-get install faketime); the simulator plays it: npm run sim')
    return
  }
  const clock = join(ground.folder.path, 'clock')
  writeFileSync(clock, '+0\n')
  Object.assign(process.env, {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: clock,
    FAKETIME_NO_CACHE: '1',
    DONT_FAKE_MONOTONIC: '1',
  })
  try {
    await ground.daemon.start()
  } finally {
    for (const name of ['LD_PRELOAD', 'FAKETIME_TIMESTAMP_FILE', 'FAKETIME_NO_CACHE', 'DONT_FAKE_MONOTONIC'])
      delete process.env[name]
  }
  await ground.up()
  const before = await ground.containers()
  writeFileSync(clock, '-3600\n')
  const info = JSON.parse((await ground.daemon.must(['ls', '-a', '--format', 'json'])).stdout)
  await delay(5000)
  await showUntouched(ground, show, before, 'clock set back: containers untouched')
  await ground.loseOne()
  const lostAt = Date.now()
  await until('it is back', async () => (await ground.containers()).length === 2, { deadlineMs: 70_000 })
  show(
    'clock set back: a lost container is back',
    `${((Date.now() - lostAt) / 1000).toFixed(1)} s`,
    '<= 5 s',
    Date.now() - lostAt <= 5000,
  )
  ground.write('3')
  await ground.up()
  const history = JSON.parse(
    (await ground.daemon.must(['history', '--deployments', '--format', 'json'], { cwd: ground.files.path })).stdout,
  )
  const isBack = Date.parse(history[0].createdAt) < Date.now() - 3_000_000
  show(
    'clock set back: an up, at the new hour',
    `${info.length} stack, ${history[0].state} at ${history[0].createdAt}`,
    'succeeded, an hour ago',
    history[0].state === 'succeeded' && isBack,
  )
}

async function showUntouched(ground, show, before, what) {
  const same = isSame(before, await ground.containers())
  show(what, same, 'yes', same === 'yes')
}

const isSame = (before, after) =>
  before.join() === after.join() ? 'yes' : `${before.join(', ')} became ${after.join(', ')}`

/** To the last byte. */
function fill(path, folder) {
  const file = openSync(path, 'w')
  const block = Buffer.alloc(4096)
  try {
    for (let left = statfsSync(folder).bavail + 16; left > 0; left -= 1) writeSync(file, block)
  } catch (error) {
    if (error.code !== 'ENOSPC') throw error
  } finally {
    closeSync(file)
  }
}
