// What scripts rely on, without a terminal: the same lines of shell with `docker compose` and with `ek`, case by case.

import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectFolder, startDaemon, temporaryFolder } from '../lab/daemon.mjs'
import { sweep } from '../lab/sweep.mjs'
import { wordOf } from './args.mjs'
import { hasCompose } from './times.mjs'

const STACK = 'ek-scripts'
const LIMIT_MS = 60_000

/**
 * `$C` is the command. `ignore`: what is not compared, and why. All cases of one side run in a row, on the same project.
 * What a case prints is compared as it is, but for container ids, times and sizes.
 */
const CASES = [
  ['nothing is there', '$C ps'],
  ['nothing is there, quietly', '$C ps -q'],
  ['a file without errors', '$C config -q'],
  ['services of a file', '$C config --services | sort'],
  ['images of a file', '$C config --images | sort'],
  ['volumes of a file', '$C config --volumes'],
  ['a file from a pipe', 'cat compose.yaml | $C -f - config --services | sort'],
  ['a file that is not there', '$C -f nowhere.yaml config -q'],
  ['a file that is no YAML', 'echo "a: [" | $C -f - config -q'],
  ['a file with a wrong key', 'echo "{services: {a: {imagee: x}}}" | $C -f - config -q'],
  ['a variable that must be set', 'echo "{services: {a: {image: \\"\\${MISSING:?say it}\\"}}}" | $C -f - config -q'],
  ['an unknown command', '$C frobnicate'],
  ['an unknown flag', '$C ps --frobnicate'],
  ['a flag without its value', '$C logs --tail'],
  ['up', '$C up -d'],
  ['up again', '$C up -d'],
  ['up of a service that is not there', '$C up -d nobody'],
  ['names', "$C ps --format '{{.Name}} {{.Service}} {{.State}} {{.ExitCode}}'"],
  ['names of one service', '$C ps --services web'],
  ['all services', '$C ps --services | sort'],
  ['ids', '$C ps -q | wc -l'],
  ['what is not running', '$C ps --status exited -q | wc -l'],
  ['what has ended, too', "$C ps -a --format '{{.Name}} {{.State}} {{.ExitCode}}'"],
  ['ps of a service that is not there', '$C ps nobody'],
  ['projects', '$C ls -q | grep -x ek-scripts'],
  ['images', '$C images -q | sort -u | wc -l'],
  ['a port', '$C port web 80'],
  ['a port that is not published', '$C port web 81'],
  ['processes', '$C top web | head -1 | tr -s " "'],
  ['exec', '$C exec -T web echo hello'],
  ['exec that fails', '$C exec -T web sh -c "exit 7"'],
  ['exec with input', 'printf "a\\nb" | $C exec -T web cat'],
  ['exec with much input', 'head -c 3000000 /dev/zero | $C exec -T web wc -c'],
  ['exec without input', '$C exec -T web cat < /dev/null'],
  ['exec in a pipe that closes', '$C exec -T web seq 1 100000 | head -1'],
  ['exec with both outputs', '$C exec -T web sh -c "echo out; echo err >&2" 2>/dev/null'],
  ['exec with an environment', "$C exec -T -e A=1 -w /tmp web sh -c 'echo $A; pwd'"],
  ['exec of a program that is not there', '$C exec -T web frobnicate'],
  ['exec in a service that is not there', '$C exec -T nobody true'],
  ['exec in a container of another number', '$C exec -T --index 9 web true'],
  ['exec in the background', '$C exec -d web true'],
  ['run', '$C run --rm -T --no-deps web echo hello'],
  ['run that fails', '$C run --rm -T --no-deps web sh -c "exit 9"'],
  ['run with input', 'echo here | $C run --rm -T --no-deps web cat'],
  ['run with a variable', "$C run --rm -T --no-deps -e A=2 web sh -c 'echo $A'"],
  ['run of a program that is not there', '$C run --rm -T --no-deps web frobnicate'],
  ['run of a service that is not there', '$C run --rm -T nobody true'],
  ['run leaves nothing', '$C ps -a -q | wc -l'],
  ['logs', '$C logs --no-log-prefix talk'],
  ['logs with names', '$C logs talk'],
  ['the last lines', '$C logs --no-log-prefix --tail 2 talk'],
  ['logs of a service that is not there', '$C logs nobody'],
  // Late: what is in the pipe by then is all of it. Who writes on after its end is a matter of chance (see exec).
  ['logs in a pipe that is read in part', '$C logs --no-log-prefix talk | { sleep 2; head -2; }'],
  ['followed logs that are interrupted', 'timeout -s INT 3 $C logs -f --no-log-prefix talk'],
  ['followed logs that are terminated', 'timeout -s TERM 3 $C logs -f --no-log-prefix talk'],
  ['an exec that is terminated', 'timeout -s TERM 2 $C exec -T web sleep 30; echo $?'],
  ['events that are terminated', 'timeout -s TERM 2 $C events'],
  [
    'a file into a container',
    'echo inside > f.txt; $C cp f.txt web:/tmp/f.txt 2>/dev/null; $C exec -T web cat /tmp/f.txt',
  ],
  ['a file out of a container', '$C cp web:/tmp/f.txt g.txt 2>/dev/null; cat g.txt'],
  ['a tar out of a container', '$C cp web:/tmp/f.txt - | tar t'],
  ['a file that is not in a container', '$C cp web:/nowhere h.txt'],
  ['pause', '$C pause web; $C ps -a --format "{{.State}}" web; $C unpause web; $C ps --format "{{.State}}" web'],
  ['pause of what is paused', '$C pause web 2>/dev/null; $C pause web; echo $?; $C unpause web'],
  ['stop', '$C stop -t 0 web; $C ps -a --format "{{.State}}" web'],
  ['exec in what is stopped', '$C exec -T web true'],
  ['start', '$C start web; $C ps --format "{{.State}}" web'],
  ['start of what runs', '$C start web'],
  ['restart', '$C restart -t 0 web; $C ps --format "{{.State}}" web'],
  ['restart of a service that is not there', '$C restart nobody'],
  ['kill', '$C kill web; sleep 1; $C ps -a --format "{{.State}} {{.ExitCode}}" web'],
  ['up brings it back', '$C up -d; $C ps --format "{{.State}}" web'],
  ['scale', '$C scale web=3; $C ps -q web | wc -l'],
  ['scale with up', '$C up -d --scale web=1; $C ps -q web | wc -l'],
  ['scale of a service that is not there', '$C scale nobody=2'],
  ['wait', '$C wait job'],
  ['volumes', '$C volumes -q'],
  ['a stop for all', '$C stop -t 0; $C ps -q | wc -l'],
  ['rm', '$C rm -f | tr " ," "\\n\\n" | sort; $C ps -a -q | wc -l'],
  ['rm of nothing', '$C rm -f'],
  ['up of a job that fails', '$C -f failing.yaml up --abort-on-container-exit --no-color >/dev/null'],
  ['the exit code of one service', '$C -f failing.yaml up --exit-code-from bad --no-color >/dev/null'],
  ['up that waits for what never is healthy', '$C -f failing.yaml up -d --wait --wait-timeout 5 ill'],
  ['down', '$C down -t 0; $C ps -a -q | wc -l'],
  ['down again', '$C down -t 0'],
  ['down with volumes', '$C down -v -t 0; $C volumes -q'],
]

/** Where we answer otherwise on purpose. */
const DELIBERATE = {
  'an unknown command': 'the help of all commands does not follow the one line that says what is wrong',
  'exec in a pipe that closes': 'as of any program whose reader is gone: 128 and the number of SIGPIPE',
  'pause of what is paused': 'what is so already is no error; start, stop and unpause do the same',
  down: 'the daemon knows all of the stack: services that another file declared go as well',
}

const FILE = {
  name: STACK,
  services: {
    web: {
      image: 'ek-lab/sleep:1',
      entrypoint: [],
      command: ['/lab/sleep.sh'],
      ports: ['127.0.0.1::80'],
      stop_grace_period: '1s',
      volumes: ['data:/data'],
    },
    talk: { image: 'ek-lab/chatty:1', environment: { LINES: '5', RATE: '0' }, stop_grace_period: '1s' },
    job: { image: 'ek-lab/job:1', entrypoint: ['sh', '-c', 'exit 3'] },
  },
  volumes: { data: {} },
}
const FAILING = {
  name: STACK,
  services: {
    bad: { image: 'ek-lab/job:1', entrypoint: ['sh', '-c', 'sleep 1; exit 5'] },
    ill: {
      image: 'ek-lab/sleep:1',
      healthcheck: { test: ['CMD', 'false'], interval: '1s', retries: 1 },
      stop_grace_period: '1s',
    },
  },
}

export const scripts = {
  name: 'scripts',
  shows:
    'pipes, redirections, signals and every command without a terminal: exit codes and outputs as of Docker Compose',
  async run({ engine, show, note, args }) {
    if (!(await hasCompose())) {
      note('docker compose is not here: nothing to compare with')
      return
    }
    const folder = temporaryFolder('scripts')
    const daemon = await startDaemon(engine, 'scripts')
    writeFileSync(join(folder.path, 'compose.yaml'), JSON.stringify(FILE))
    writeFileSync(join(folder.path, 'failing.yaml'), JSON.stringify(FAILING))
    const only = wordOf(args, '--only')
    const chosen = CASES.filter(([name]) => only === undefined || name.includes(only))
    const sides = {
      compose: { C: 'docker compose', DOCKER_HOST: engine },
      ours: { C: join(projectFolder, 'dist/bin/ek'), EVENKEEL_HOST: `unix://${daemon.socket}` },
    }
    const answers = {}
    try {
      for (const [side, env] of Object.entries(sides)) {
        await sweep(engine, STACK)
        answers[side] = []
        for (const [, script] of chosen) answers[side].push(await shell(script, folder.path, { ...env, NO_COLOR: '1' }))
      }
    } finally {
      await daemon.ek(['-p', STACK, 'down', '-v', '-t', '0'])
      await daemon.remove()
      await sweep(engine, STACK)
      folder.remove()
    }
    let same = 0
    let meant = 0
    for (const [at, [name]] of chosen.entries()) {
      const [theirs, ours] = [answers.compose[at], answers.ours[at]]
      const differs = ['code', 'stdout'].filter((part) => theirs[part] !== ours[part])
      // What is said to people may be said better; whether something is said must be the same where it is all that is said.
      if (theirs.code !== 0 && theirs.stderr.trim() !== '' && ours.stderr.trim() === '') differs.push('stderr')
      if (differs.length === 0) same += 1
      else if (DELIBERATE[name] !== undefined) meant += 1
      if (theirs.code === 'hangs' && ours.code !== 'hangs') {
        meant += 1
        note(`they hang  ${name.padEnd(44)} ours: exit ${ours.code}`)
        continue
      }
      const verdict = differs.length === 0 ? 'same     ' : DELIBERATE[name] === undefined ? 'DIFFERENT' : 'on purpose'
      note(`${verdict} ${name.padEnd(44)} exit ${theirs.code}${theirs.code === ours.code ? '' : ` / ${ours.code}`}`)
      if (differs.length === 0) continue
      if (DELIBERATE[name] !== undefined) note(`          ${DELIBERATE[name]}`)
      else
        for (const part of [...differs, 'stderr'])
          note(
            `          ${part}: ${JSON.stringify(theirs[part]).slice(0, 300)} / ${JSON.stringify(ours[part]).slice(0, 300)}`,
          )
    }
    const all = chosen.length
    show('cases that answer as Compose does', `${same} of ${all}, ${meant} on purpose not`, 'all', same + meant === all)
  },
}

/** The script is one of the above: no data goes into it. */
function shell(script, cwd, env) {
  return new Promise((resolve, reject) => {
    const child = spawn('bash', ['-o', 'pipefail', '-c', script], {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own: what hangs goes with all that it has begun.
      detached: true,
    })
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      process.kill(-child.pid, 'SIGKILL')
    }, LIMIT_MS)
    const said = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'])
      child[name].setEncoding('utf8').on('data', (text) => {
        said[name] += text
      })
    child.once('error', reject)
    child.once('close', (code, signal) => {
      clearTimeout(timer)
      resolve({ code: isLate ? 'hangs' : (signal ?? code), stdout: plain(said.stdout), stderr: plain(said.stderr) })
    })
  })
}

/** Without what no two runs have in common. */
function plain(text) {
  return text
    .replace(/\b[0-9a-f]{12,64}\b/g, 'ID')
    .replace(/\d{4}-\d\d-\d\d[T ][\d:.]+(Z| \+\d{4} UTC)?/g, 'TIME')
    .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT')
    .replace(/ +$/gm, '')
}
