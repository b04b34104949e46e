import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { projectFolder, runProgram, temporaryFolder } from '../lab/daemon.mjs'
import { sweep } from '../lab/sweep.mjs'

export const quickstart = {
  name: 'quickstart',
  shows:
    'from a fresh clone `npm run quickstart` ends with exit 0 and an HTTP answer; run again, it changes nothing and says so',
  async run({ engine, show }) {
    const folder = temporaryFolder('fresh')
    const clone = join(folder.path, 'evenkeel')
    const env = {
      ...process.env,
      EVENKEEL_SOCKET: join(folder.path, 'ek.sock'),
      EVENKEEL_STATE: join(folder.path, 'state'),
      EVENKEEL_ENGINE: engine,
      DOCKER_HOST: engine,
    }
    const ek = join(clone, 'dist/bin/evenkeel')
    await sweep(engine, 'example')
    try {
      const cloned = await runProgram('git', ['clone', '--quiet', projectFolder, clone])
      if (cloned.code !== 0) throw new Error(cloned.stderr)
      const first = await runProgram('npm', ['run', '--silent', 'quickstart'], { cwd: clone, env, timeoutMs: 900_000 })
      const tail = first.stdout.trim().split('\n').slice(-14).join('\n       ')
      show('first run', `exit ${first.code} after ${(first.ms / 1000).toFixed(0)} s`, 'exit 0', first.code === 0)
      console.log(`       ${tail}`)
      if (first.code !== 0) console.log(first.stderr.slice(-2000))
      show(
        'an HTTP answer',
        /HTTP\/1\.1 200|"version"/.test(first.stdout) ? 'shown' : 'not shown',
        'shown',
        /"version"/.test(first.stdout),
      )
      const second = await runProgram('npm', ['run', '--silent', 'quickstart'], { cwd: clone, env, timeoutMs: 900_000 })
      const said = /nothing (was |to )?change/i.exec(second.stdout)?.[0]
      show(
        'second run',
        `exit ${second.code}, says: ${said ?? 'nothing of that'}`,
        'exit 0, says that nothing changed',
        second.code === 0 && said !== undefined,
      )
    } finally {
      if (existsSync(ek)) await runProgram(ek, ['-p', 'example', 'down', '-t', '0'], { env })
      await runProgram('node', [join(clone, 'test/lab/quickstart.mjs'), '--stop-daemon'], { cwd: clone, env })
      folder.remove()
    }
  },
}
