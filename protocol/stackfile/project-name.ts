/** The name of a stack: given, from the environment, from a file, or the folder's. */
import type { LoadContext } from './context.ts'
import { baseName } from './file-paths.ts'
import { substitute, TemplateError } from './template.ts'
import { type Node, textOf } from './tree.ts'

/** Lower case, and only the characters that a name may have. */
export const cleanProjectName = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, '')
    .replace(/^[_-]+/, '')

const RULE = 'A name is made of lower-case letters, digits, "-" and "_", and begins with a letter or digit.'

interface NameSources {
  readonly given: string | undefined
  readonly environment: ReadonlyMap<string, string>
  /** The `name` of a file. */
  readonly named: Node | undefined
  readonly directory: string
  /** Of a file's name: without normalising, Compose leaves it as it stands. */
  readonly cleaning: 'clean' | 'as-written'
}

/** A name that was given must be valid; one of a file or a folder is cleaned. */
export function resolveProjectName(sources: NameSources, context: LoadContext): string {
  const { findings } = context
  const explicit = sources.given || sources.environment.get('COMPOSE_PROJECT_NAME')
  if (explicit) {
    if (cleanProjectName(explicit) !== explicit) {
      findings.add(`"${explicit}" is no valid project name`, undefined, { hint: RULE })
    }
    return explicit
  }
  const { named } = sources
  if (named !== undefined) {
    const written = filledIn(textOf(named)!, named, sources.environment, context)
    const name = sources.cleaning === 'clean' ? cleanProjectName(written) : written
    if (name === '') findings.add('The name is empty once it is cleaned', named, { path: ['name'], hint: RULE })
    return name
  }
  const name = cleanProjectName(baseName(sources.directory))
  if (name === '') {
    findings.add(`The folder ${sources.directory} gives no project name`, undefined, {
      hint: 'Add "name: NAME" to the stack file, or give a project name.',
    })
  }
  return name
}

function filledIn(template: string, at: Node, environment: ReadonlyMap<string, string>, context: LoadContext): string {
  if (!context.interpolate) return template
  try {
    return substitute(template, {
      lookup: (name) => environment.get(name),
      unset: context.warnUnset,
      budget: context.budget,
    })
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error
    context.findings.add(error.message, at, { path: ['name'], hint: error.hint })
    return template
  }
}
