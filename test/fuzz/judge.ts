/** What holds for every input of the loader, whatever it is. */
import { checkModel } from '../../daemon/reconcile/check-model.ts'
import { Problem } from '../../protocol/problems.ts'
import { type LoadedStack, loadStack } from '../../protocol/stackfile/load.ts'
import type { LoadOptions } from '../../protocol/stackfile/load-request.ts'
import type { Model } from '../../protocol/stackfile/model.ts'
import { renderConfigJson, renderConfigYaml } from '../../protocol/stackfile/render.ts'
import type { Input } from './inputs.ts'
import type { Files } from './seeds.ts'

/** CPU time of one load; most take a thousandth of it. */
export const LIMIT_MS = 1_000

const LONGEST_KEY = 1_000

export interface Judgement {
  readonly outcome: 'accepted' | 'refused'
  /** What does not hold; undefined where all does. */
  readonly broken: string | undefined
}

type Answer = { readonly loaded: LoadedStack } | { readonly problem: Problem } | { readonly thrown: unknown }

export function judge(input: Input): Judgement {
  const started = process.cpuUsage()
  const first = answer(input.files, input.environment, input.options)
  if (cpuMs(started) > LIMIT_MS && isSlow(input)) {
    return { outcome: 'refused', broken: `it takes longer than ${LIMIT_MS} ms` }
  }
  if ('thrown' in first) {
    const { thrown } = first
    return { outcome: 'refused', broken: `it throws ${thrown instanceof Error ? thrown.stack : String(thrown)}` }
  }
  if ('problem' in first) return { outcome: 'refused', broken: brokenInProblem(first.problem, input.files) }
  return { outcome: 'accepted', broken: brokenInModel(first.loaded, input) }
}

const cpuMs = (since: NodeJS.CpuUsage): number => process.cpuUsage(since).user / 1000

/** Of three tries all must be slow: the machine has other things to do, too. */
function isSlow({ files, environment, options }: Input): boolean {
  for (let round = 0; round < 2; round += 1) {
    const started = process.cpuUsage()
    answer(files, environment, options)
    if (cpuMs(started) <= LIMIT_MS) return false
  }
  return true
}

function answer(files: Files, environment: Input['environment'], options: LoadOptions): Answer {
  try {
    return { loaded: load(files, environment, options) }
  } catch (error) {
    return error instanceof Problem ? { problem: error } : { thrown: error }
  }
}

function load(files: Files, environment: Input['environment'], options: LoadOptions): LoadedStack {
  return loadStack({
    files: [],
    cwd: '/p',
    projectName: 'p',
    profiles: [],
    environment: { HOME: '/home/user', ...environment },
    source: {
      read: (path) => (Object.hasOwn(files, path) ? files[path] : undefined),
      isDirectory: (path) => path === '/' || path === '/p' || path === '/p/files',
    },
    options,
  })
}

function brokenInProblem({ code, message, findings = [] }: Problem, files: Files): string | undefined {
  if (code === 'stack-file-invalid' && /is empty$/.test(message)) return undefined
  if (code !== 'stack-file-invalid') return `it is refused as ${code}: ${message}`
  if (findings.length === 0) return `it is refused without a finding: ${message}`
  for (const { message, place } of findings) {
    if (place === undefined) return `a finding has no place: ${message}`
    const lines = files[place.file]?.split('\n')
    if (lines === undefined) return `a finding is in a file that there is not: ${place.file}: ${message}`
    const line = lines[place.line - 1]
    if (line === undefined || place.column < 1 || place.column > line.length + 2) {
      return `a finding is outside of its file, at ${place.line}:${place.column}: ${message}`
    }
  }
  return undefined
}

function brokenInModel(loaded: LoadedStack, { files, environment, options }: Input): string | undefined {
  const { model } = loaded
  const stray = strayValue(model, 'model')
  if (stray !== undefined) return stray
  const again = load(files, environment, options)
  if (JSON.stringify(again) !== JSON.stringify(loaded)) return 'a second load gives another answer'
  const yaml = renderConfigYaml(model)
  if (!hasInfinity(model)) renderConfigJson(model)
  const isWhole = options.interpolate !== false && options.normalize !== false && options.consistency !== false
  if (!isWhole || options.resolveEnvironment === false || isSpecial(model)) return undefined
  // A model has no services that are off, so an optional dependency on one leads nowhere in it.
  if (loaded.disabledServices.length > 0) return undefined
  return brokenInText(yaml, loaded) ?? brokenOnTheWire(model)
}

/** What `config` prints is a stack file of the same model. */
function brokenInText(yaml: string, { model }: LoadedStack): string | undefined {
  const reread = answer({ '/p/compose.yaml': yaml }, {}, { resolvePaths: false, allResources: true })
  if ('loaded' in reread) {
    const text = renderConfigYaml(reread.loaded.model)
    return text === yaml ? undefined : `what config prints loads as another model:\n${firstDifference(yaml, text)}`
  }
  // Profiles that are on are not on for the text.
  if (Object.values(model.services).some((service) => service.profiles !== undefined)) return undefined
  const words =
    'problem' in reread ? JSON.stringify(reread.problem.findings ?? reread.problem.message) : String(reread.thrown)
  return `what config prints does not load: ${words}\n${yaml}`
}

/** The daemon reads the model through the language once more. */
function brokenOnTheWire(model: Model): string | undefined {
  const sent = JSON.parse(JSON.stringify(model)) as Model
  let checked: Model
  try {
    checked = checkModel(sent, '/p')
  } catch (error) {
    return `the daemon refuses the model: ${error instanceof Error ? error.message : String(error)}\n${JSON.stringify(sent)}`
  }
  const [ours, theirs] = [JSON.stringify(sent), JSON.stringify(checked)]
  return ours === theirs || JSON.stringify(sorted(sent)) === JSON.stringify(sorted(checked))
    ? undefined
    : `the daemon reads another model:\n${ours}\n${theirs}`
}

function firstDifference(a: string, b: string): string {
  const [left, right] = [a.split('\n'), b.split('\n')]
  const at = left.findIndex((line, index) => line !== right[index])
  return `line ${at + 1}: ${left[at]} | ${right[at]}\n${a}`
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sorted(item)]),
  )
}

/** Anything that is not what JSON can say, infinity in an extension excepted. */
function strayValue(value: unknown, path: string): string | undefined {
  if (value === null || ['string', 'boolean', 'number'].includes(typeof value)) return undefined
  if (typeof value !== 'object') return `${path} is ${String(value)} (${typeof value})`
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== Array.prototype) return `${path} is no plain object`
  for (const [key, item] of Object.entries(value)) {
    const stray = strayValue(item, `${path}.${key}`)
    if (stray !== undefined) return stray
  }
  return undefined
}

const some = (value: unknown, test: (key: string, item: unknown) => boolean): boolean =>
  typeof value === 'object' &&
  value !== null &&
  Object.entries(value).some(([key, item]) => test(key, item) || some(item, test))

const hasInfinity = (model: Model): boolean =>
  some(model, (_, item) => typeof item === 'number' && !Number.isFinite(item))

function isHalf(item: object): boolean {
  const has = (key: string): boolean => key in item
  if (has('external')) return !has('name')
  if (has('permissions')) return !has('source')
  if (has('context') || has('dockerfile')) return !has('context') || !(has('dockerfile') || has('dockerfile_inline'))
  return has('entrypoint') && !has('networks') && !has('network_mode') && !has('provider')
}

const hasNoCommand = (hooks: unknown): boolean =>
  Array.isArray(hooks) && hooks.some((hook: { command?: unknown }) => hook.command === null)

/**
 * What Compose, too, prints so that it reads as something else. An external object without a name is named by its key, a
 * build without a context or Dockerfile gets one, a service whose network_mode is empty gets a network. A hook without
 * command, a device without source and an empty key are refused; a key of more than 1024 characters is no key, and `<<`
 * has no quotes. `$` is doubled in keys also, and not in text that begins with a byte order mark.
 */
const isSpecial = (model: Model): boolean =>
  some(
    model,
    (key, item) =>
      key.length > LONGEST_KEY ||
      key.includes('$') ||
      key === '<<' ||
      key === '' ||
      (typeof item === 'string' && item.startsWith('\ufeff')) ||
      ((key === 'post_start' || key === 'pre_stop') && hasNoCommand(item)) ||
      (typeof item === 'object' && item !== null && isHalf(item)),
  )
