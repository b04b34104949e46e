import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { transform } from 'esbuild'
import { projectFolder } from '../../lab/daemon.mjs'

/** The daemon's own table of known holes, as its source has it. */
export async function knownHolesOf(versions) {
  const source = readFileSync(join(projectFolder, 'daemon/engine/known-holes.ts'), 'utf8')
  const { code } = await transform(source, { loader: 'ts', format: 'esm' })
  const { knownHoles } = await import(`data:text/javascript;base64,${Buffer.from(code).toString('base64')}`)
  return knownHoles(versions)
}
