/** What inputs are made from: the stack files of the other tests. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

const tests = join(import.meta.dirname, '..')

/** Files that inputs may name, beside the stack file itself, which is `/p/compose.yaml`. */
export type Files = Readonly<Record<string, string>>

export interface Seeds {
  readonly stacks: readonly string[]
  readonly beside: Files
}

/** @param more a folder with further stack files, looked through to its depths. */
export function readSeeds(more?: string): Seeds {
  const folders = ['engine/parity/cases', 'fixtures/stacks', 'fixtures/example'].map((path) => join(tests, path))
  const stacks = [...folders, ...(more === undefined ? [] : [more])]
    .flatMap(stackFiles)
    .map((path) => readFileSync(path, 'utf8'))
  const answers = JSON.parse(readFileSync(join(tests, 'fixtures/yaml/answers.json'), 'utf8')) as { yaml: string }[]
  const files = join(tests, 'engine/parity/cases/files')
  const beside = Object.fromEntries(
    readdirSync(files)
      .filter((name) => statSync(join(files, name)).isFile())
      .map((name) => [`/p/files/${name}`, readFileSync(join(files, name), 'utf8')]),
  )
  return { stacks: [...stacks, ...answers.map(({ yaml }) => yaml)], beside }
}

function stackFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.ya?ml$/.test(path))
    .sort()
    .map((path) => join(folder, path))
    .filter((path) => statSync(path).isFile() && statSync(path).size < 20_000)
}
