/**
 * Fills variables into every value of a tree (never into keys), then casts the text to the type that its key takes. What
 * the file itself wrote as a number or boolean is left as it is.
 */
import type { LoadContext } from './context.ts'
import { parseGoFloat, parseGoInt, shortestFloat32 } from './numbers.ts'
import { type Branch, branchAt, PathRules } from './path-rules.ts'
import { substitute, TemplateError } from './template.ts'
import type { KeyPath, Node, ScalarNode } from './tree.ts'

type CastName = 'int' | 'float' | 'float32' | 'bool'

const service = (casts: Record<string, CastName>): Record<string, CastName> =>
  Object.fromEntries(Object.entries(casts).map(([key, cast]) => [`services.*.${key}`, cast]))

const CASTS = new PathRules<CastName>({
  ...service({
    cpu_count: 'int',
    cpu_percent: 'float',
    cpu_period: 'int',
    cpu_quota: 'int',
    cpu_rt_period: 'int',
    cpu_rt_runtime: 'int',
    cpu_shares: 'int',
    cpus: 'float32',
    'deploy.placement.max_replicas_per_node': 'int',
    'deploy.replicas': 'int',
    'deploy.restart_policy.max_attempts': 'int',
    'deploy.rollback_config.max_failure_ratio': 'float',
    'deploy.rollback_config.parallelism': 'int',
    'deploy.update_config.max_failure_ratio': 'float',
    'deploy.update_config.parallelism': 'int',
    'healthcheck.disable': 'bool',
    'healthcheck.retries': 'int',
    init: 'bool',
    oom_kill_disable: 'bool',
    oom_score_adj: 'int',
    pids_limit: 'int',
    'ports.*.target': 'int',
    privileged: 'bool',
    read_only: 'bool',
    scale: 'int',
    stdin_open: 'bool',
    tty: 'bool',
    'ulimits.*': 'int',
    'ulimits.*.hard': 'int',
    'ulimits.*.soft': 'int',
    'volumes.*.read_only': 'bool',
    'volumes.*.volume.nocopy': 'bool',
  }),
  'configs.*.external': 'bool',
  'networks.*.attachable': 'bool',
  'networks.*.enable_ipv4': 'bool',
  'networks.*.enable_ipv6': 'bool',
  'networks.*.external': 'bool',
  'networks.*.internal': 'bool',
  'secrets.*.external': 'bool',
  'volumes.*.external': 'bool',
})

/** Changes the tree in place. Errors go to the findings; the value in error keeps its text. */
export function interpolateTree(root: Node, lookup: (name: string) => string | undefined, context: LoadContext): void {
  new Interpolation(lookup, context).visit(root, CASTS.root)
}

type Casts = Branch<CastName> | undefined

class Interpolation {
  readonly #lookup: (name: string) => string | undefined
  readonly #context: LoadContext
  readonly #path: (string | number)[] = []

  constructor(lookup: (name: string) => string | undefined, context: LoadContext) {
    this.#lookup = lookup
    this.#context = context
  }

  visit(node: Node, casts: Casts): void {
    if (node.kind === 'map') {
      for (const [key, value] of node.entries) this.#visitAt(key, value, branchAt(casts, key))
    } else if (node.kind === 'list') {
      const inner = branchAt(casts, '*')
      for (let index = 0; index < node.items.length; index += 1) this.#visitAt(index, node.items[index]!, inner)
    } else if (node.type === 'string') {
      const cast = casts?.rule
      if (cast !== undefined || (node.value as string).includes('$')) {
        fill(node, cast, this.#path, this.#lookup, this.#context)
      }
    }
  }

  #visitAt(key: string | number, node: Node, casts: Casts): void {
    this.#path.push(key)
    this.visit(node, casts)
    this.#path.pop()
  }
}

function fill(
  node: ScalarNode,
  cast: CastName | undefined,
  path: KeyPath,
  lookup: (name: string) => string | undefined,
  context: LoadContext,
): void {
  const template = node.value as string
  let text: string
  try {
    text = substitute(template, {
      lookup,
      unset: context.warnUnset,
      budget: context.budget,
      at: node.at,
    })
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error
    context.findings.add(error.message, within(node, error.raw), { path, hint: error.hint })
    return
  }
  node.value = text
  if (cast === undefined) return
  const value = CAST[cast](text, context)
  if (value === undefined) {
    const hint =
      text === '' && template !== '' ? `${template} is empty: set the variable or give a default.` : undefined
    context.findings.add(`"${text}" is not ${NAMES[cast]}`, node, { path, hint })
    return
  }
  node.type = cast === 'float32' ? 'float' : cast
  node.value = value
}

/** The part of a scalar's text that is meant, where it stands in the file as such. */
function within(node: ScalarNode, raw: string): ScalarNode['at'] {
  const { source, start, end } = node.at
  const offset = source.text.slice(start, end).indexOf(raw)
  return offset === -1 ? node.at : { source, start: start + offset, end: start + offset + raw.length }
}

const NAMES: Readonly<Record<CastName, string>> = {
  int: 'a whole number',
  float: 'a number',
  float32: 'a number',
  bool: 'a boolean',
}

const CAST: Readonly<Record<CastName, (text: string, context: LoadContext) => number | bigint | boolean | undefined>> =
  {
    int: parseGoInt,
    float: parseGoFloat,
    float32: (text) => {
      const value = parseGoFloat(text)
      return value === undefined ? undefined : shortestFloat32(value)
    },
    bool: parseBoolean,
  }

/** The words of YAML 1.1, which Compose takes where a boolean is due. Undefined for any other text. */
export function parseBoolean(text: string, context: Pick<LoadContext, 'warn'>): boolean | undefined {
  switch (text.toLowerCase()) {
    case 'true':
      return true
    case 'false':
      return false
    case 'y':
    case 'yes':
    case 'on':
      context.warn(`"${text}" for boolean is not supported by YAML 1.2, please use \`true\``)
      return true
    case 'n':
    case 'no':
    case 'off':
      context.warn(`"${text}" for boolean is not supported by YAML 1.2, please use \`false\``)
      return false
    default:
      return undefined
  }
}
