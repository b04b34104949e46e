/**
 * A session at a terminal, as a person has it: bash under tmux, driven by keys. What the screen shows is compared with the
 * captures in terminal/, from which times, ids and figures are taken out. `UPDATE_CAPTURES=1` writes them anew.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, type TestContext, test } from 'vitest'
import { testEngines } from '../contract/support/test-engines.ts'
import { projectFolder, startDaemon, temporaryFolder, until } from '../lab/daemon.mjs'
import { sweep } from '../lab/sweep.mjs'
import { TmuxTerminal, whyNoTmux } from '../lab/tmux.mjs'

const ENGINE = testEngines()[0]!
/** Always of the same length, so that columns are as wide whichever process this is. */
const STACK = `ektty-${String(process.pid).padStart(8, '0')}`
const FOLDER = new URL('./terminal/', import.meta.url).pathname

const service = (rest: object) => ({
  image: 'ek-lab/sleep:1',
  network_mode: 'none',
  stop_grace_period: '1s',
  entrypoint: ['/bin/sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1; done'],
  ...rest,
})
const FILE = {
  name: STACK,
  services: {
    db: service({ healthcheck: { test: ['CMD', 'test', '-e', '/tmp/ready'], interval: '1s', retries: 1000 } }),
    web: service({ depends_on: { db: { condition: 'service_healthy' } } }),
  },
}

const missing = await whyNoTmux()
const folder = temporaryFolder('terminal')
let daemon: Awaited<ReturnType<typeof startDaemon>>
let terminal: TmuxTerminal

beforeAll(async () => {
  if (missing !== undefined) return
  await sweep(ENGINE, STACK)
  daemon = await startDaemon(ENGINE, 'terminal')
  writeFileSync(join(folder.path, 'compose.yaml'), JSON.stringify(FILE))
  const env = {
    PATH: `${join(projectFolder, 'dist/bin')}:${process.env.PATH}`,
    EVENKEEL_HOST: `unix://${daemon.socket}`,
    TERM: 'screen-256color',
    NO_COLOR: '',
    CI: '',
  }
  terminal = await TmuxTerminal.open({ cwd: folder.path, env })
})

afterAll(async () => {
  await terminal?.close()
  await daemon?.ek(['down', '-t', '0'], { cwd: folder.path })
  await daemon?.remove()
  folder.remove()
})

function needsTmux(context: TestContext): void {
  if (missing !== undefined) context.skip(missing)
}

/** What is the same at each run. */
function normalised(screen: string): string {
  return screen
    .replaceAll(STACK, 'shop')
    .replaceAll('\u001b', '^[')
    .replace(/[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]/g, '*')
    .replace(/ +((?:\^\[\[[\d;]*m)*)\d+\.\ds/g, ' $1<seconds>')
    .replace(/\b[0-9a-f]{12}\b/g, '<id>')
    .replace(/\d+(?:\.\d+)?%/g, '<share>')
    .replace(/\b\d+(?:\.\d+)?(?:[KMG]iB|[kMG]?B)\b/g, '<size>')
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}

async function expectCapture(name: string, what: 'text' | 'colours', tidied = (text: string) => text): Promise<void> {
  const path = join(FOLDER, `${name}.txt`)
  const screen = `${tidied(normalised(await terminal.screen(what)))}\n`
  if (process.env.UPDATE_CAPTURES === '1') {
    mkdirSync(FOLDER, { recursive: true })
    writeFileSync(path, screen)
  }
  expect(screen).toBe(readFileSync(path, 'utf8'))
}

/** As a container's own program would. */
const say = (name: string, text: string) =>
  daemon.must(['-p', STACK, 'exec', '-T', name, 'sh', '-c', `echo '${text}' > /proc/1/fd/1`])

describe('at a terminal', () => {
  test('up says what is happening now, in place and in colour, and how long it took', async (context) => {
    needsTmux(context)
    await terminal.enter('ek up')
    await terminal.shows(/-db-1 +Started[\s\S]*-web-1 +Created[\s\S]*\/db +Waiting +\d/)
    await expectCapture('up-waits', 'colours')
    await daemon.must(['-p', STACK, 'exec', '-T', 'db', 'touch', '/tmp/ready'])
    await terminal.shows(/-web-1 +Started[\s\S]*\n\$ $/)
    await expectCapture('up', 'colours')
  })

  test('a shell of exec has the size of the terminal, follows it, and takes ctrl-c for its own programs', async (context) => {
    needsTmux(context)
    // Whatever a test before has left running.
    await terminal.press('C-c')
    await terminal.clear()
    await terminal.enter('ek exec -e PS1="web> " web sh')
    await terminal.shows(/web> $/)
    await terminal.enter('stty size')
    await terminal.shows(/^24 80$/m)
    onTestFinished(() => terminal.resize(80, 24))
    await terminal.resize(100, 30)
    await terminal.enter('until stty size | grep 100; do :; done')
    await terminal.shows(/^30 100$/m)
    await terminal.enter("sh -c 'echo begun; exec sleep 1000'")
    await terminal.shows(/^begun $/m)
    await terminal.press('C-c')
    await terminal.shows(/begun\n\^C\nweb> $/)
    await terminal.enter('exit 3')
    await terminal.shows(/\n\$ $/)
    await terminal.enter('echo left with $?')
    await terminal.shows(/left with \d+\n/)
    await expectCapture('exec', 'text')
  })

  test('logs -f shows lines as they come, each behind the name of its container in a colour of its own', async (context) => {
    needsTmux(context)
    // Whatever a test before has left running.
    await terminal.press('C-c')
    await terminal.clear()
    await terminal.enter('ek logs -f --tail 0')
    await say('web', 'a first line')
    await until('they are followed', async () => {
      const isShown = /web-1 +\| a first line/.test(await terminal.screen())
      if (!isShown) await say('web', 'a first line')
      return isShown
    })
    await terminal.press('C-c')
    await terminal.clear()
    await terminal.enter('ek logs -f --tail 1')
    await terminal.shows(/web-1 +\| a first line/)
    await say('db', 'ready for connections')
    await terminal.shows(/db-1 +\| ready/)
    await say('web', 'listening')
    await terminal.shows(/web-1 +\| listening/)
    await terminal.press('C-c')
    await terminal.shows(/\n(\^C)?\$ $/)
    await expectCapture('logs', 'colours')
  })

  test('stats is a table that stands still while its figures change, until ctrl-c', async (context) => {
    needsTmux(context)
    // Whatever a test before has left running.
    await terminal.press('C-c')
    await terminal.clear()
    await terminal.enter('ek stats')
    await terminal.shows(/CONTAINER ID[\s\S]*-db-1[\s\S]*-web-1/)
    await expectCapture('stats', 'text', (screen) => screen.replace(/ {2,}/g, '  '))
    await terminal.press('C-c')
    await terminal.shows(/\n(\^C)?\$ $/)
  })

  test('tab completes commands, and names of services as they are now', async (context) => {
    needsTmux(context)
    // Whatever a test before has left running.
    await terminal.press('C-c')
    await terminal.clear()
    await terminal.enter('source <(ek completion bash); clear')
    await terminal.shows(/^\$ $/)
    await terminal.type('ek resta')
    await terminal.press('Tab')
    await terminal.shows(/ek restart $/m)
    await terminal.type('w')
    await terminal.press('Tab')
    await terminal.shows(/ek restart web /)
    await terminal.press('C-c')
    await terminal.type('ek logs ')
    await terminal.press('Tab', 'Tab')
    await terminal.shows(/^db +web/m)
    await expectCapture('completion', 'text')
    await terminal.press('C-c')
  })
})
