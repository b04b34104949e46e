/**
 * A model from the wire is a claim: it is read through the stack language's own rules, as the file that it says it is, so
 * that nothing unchecked reaches the planner or the Engine. It can name no file: there are none to read here.
 */
import { Problem } from '../../protocol/problems.ts'
import { loadStack } from '../../protocol/stackfile/load.ts'
import type { Model } from '../../protocol/stackfile/model.ts'

const PATH = '/model.json'

/** What JSON writes as it is, and what YAML takes for the end of a line or refuses. */
const BREAKS = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g

export function checkModel(model: Model, workingDir: string): Model {
  // Values are final: nothing in them is a variable any more. In keys nothing ever is.
  const text = JSON.stringify(withoutMissing(model), (_, value: unknown) =>
    typeof value === 'string' ? value.replaceAll('$', '$$$$') : value,
  ).replace(BREAKS, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
  try {
    return loadStack({
      files: [PATH],
      workingDir: workingDir.startsWith('/') ? workingDir : '/',
      projectName: model.name,
      profiles: ['*'],
      environment: {},
      source: { read: (path) => (path === PATH ? text : undefined), isDirectory: () => false },
      options: { resolvePaths: false, allResources: true, isModel: true },
    }).model
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    const first = error.findings?.[0]
    throw new Problem(
      'stack-file-invalid',
      `the model is not valid: ${first?.path === undefined ? '' : `${first.path}: `}${first?.message ?? error.message}`,
      {
        hint: 'send what `evenkeel config --format json` prints',
        findings: error.findings?.map(({ message, path }) => ({ message, ...(path === undefined ? {} : { path }) })),
      },
    )
  }
}

/** An optional dependency may be on a service whose profile is off, and which the model therefore has not. */
function withoutMissing(model: Model): Model {
  if (typeof model.services !== 'object' || model.services === null) return model
  const services = Object.fromEntries(
    Object.entries(model.services).map(([name, service]) => {
      const on = service?.depends_on
      if (typeof on !== 'object' || on === null || Array.isArray(on)) return [name, service]
      const kept = Object.entries(on).filter(
        ([other, dependency]) => other in model.services || dependency?.required !== false,
      )
      return [name, { ...service, depends_on: Object.fromEntries(kept) }]
    }),
  )
  return { ...model, services }
}
