import type { LoadedStack } from '../../../protocol/stackfile/load.ts'
import type { Model } from '../../../protocol/stackfile/model.ts'
import { command } from '../command.ts'
import type { Output } from '../output.ts'

export default command({
  name: 'config',
  aliases: ['convert'],
  positional: '[SERVICE...]',
  describe: 'Parse, resolve and render the Compose file; needs no daemon',
  options: {
    format: { type: 'string', describe: 'Format the output', choices: ['yaml', 'json'], default: 'yaml' },
    quiet: { type: 'boolean', alias: 'q', describe: "Only validate the configuration, don't print anything" },
    services: { type: 'boolean', describe: 'Print the service names, one per line' },
    volumes: { type: 'boolean', describe: 'Print the volume names, one per line' },
    networks: { type: 'boolean', describe: 'Print the network names, one per line' },
    models: { type: 'boolean', describe: 'Print the model names, one per line' },
    images: { type: 'boolean', describe: 'Print the image names, one per line' },
    profiles: { type: 'boolean', describe: 'Print the profile names, one per line' },
    variables: { type: 'boolean', describe: 'Print model variables and default values' },
    environment: { type: 'boolean', describe: 'Print environment used for interpolation' },
    hash: {
      type: 'string',
      describe: 'Print Compose\'s config hash of each service ("*") or of the named ones',
      placeholder: 'SERVICES',
    },
    output: { type: 'string', alias: 'o', describe: 'Save to file (default to stdout)', placeholder: 'FILE' },
    'no-interpolate': { type: 'boolean', describe: "Don't interpolate environment variables" },
    'no-normalize': { type: 'boolean', describe: "Don't normalize compose model" },
    'no-path-resolution': { type: 'boolean', describe: "Don't resolve file paths" },
    'no-env-resolution': { type: 'boolean', describe: "Don't resolve service env files" },
    'no-consistency': { type: 'boolean', describe: "Don't check model consistency" },
    'resolve-image-digests': {
      type: 'boolean',
      describe: 'Write image names in full; refused where one has no digest, since no registry is asked',
    },
    'lock-image-digests': { type: 'boolean', describe: 'The same, as an override file of the images alone' },
  },
  async run(context, values, services) {
    const { loadFromDisk } = await import('../../stack-source.ts')
    const { output } = context
    const list = LISTS.find(({ name }) => values[name] !== undefined && values[name] !== false)
    const needsValues = list?.needsValues === true || values['resolve-image-digests'] || values['lock-image-digests']
    const loaded = loadFromDisk(context.selection, {
      // Lists are of the whole stack, whatever services are named; but for images, as in Compose.
      services: list === undefined || list.name === 'images' ? services : [],
      load: {
        interpolate: list?.name === 'variables' ? false : needsValues || values['no-interpolate'] !== true,
        normalize: values['no-normalize'] !== true,
        resolvePaths: values['no-path-resolution'] !== true,
        // Compose's hash is of the service with its env files named, not read, and its labels.
        ...(list?.name === 'hash' ? { resolveEnvironment: false, resolveLabels: true } : {}),
        ...(values['no-env-resolution'] === true ? { resolveEnvironment: false } : {}),
        consistency: values['no-consistency'] !== true,
        listVariables: values.variables === true,
      },
    })
    for (const warning of loaded.warnings) context.warn(warning)
    if (list !== undefined) {
      await list.print(loaded, output, { format: values.format, hash: values.hash ?? '*' })
      return 0
    }
    if (values.quiet === true) return 0
    const text = await render(loaded.model, {
      format: values.format === 'json' ? 'json' : 'yaml',
      isTree: values['no-interpolate'] === true && !needsValues,
      digests: values['lock-image-digests'] ? 'alone' : values['resolve-image-digests'] ? 'pinned' : 'as-written',
    })
    if (values.output === undefined) await output.write(text)
    else (await import('node:fs')).writeFileSync(values.output, text)
    return 0
  },
})

interface Form {
  readonly format: 'yaml' | 'json'
  /** Variables were left as they stand, so the model is what the files say and no more. */
  readonly isTree: boolean
  readonly digests: 'as-written' | 'pinned' | 'alone'
}

async function render(model: Model, { format, isTree, digests }: Form): Promise<string> {
  const { renderConfigJson, renderConfigYaml, renderTree } = await import('../../../protocol/stackfile/render.ts')
  if (isTree) return renderTree(model, format)
  const { imagesAlone, withPinnedImages } = await import('../../../protocol/stackfile/pinned-images.ts')
  const shown = digests === 'as-written' ? model : withPinnedImages(model)
  const printed = digests === 'alone' ? imagesAlone(shown) : shown
  return format === 'json' ? renderConfigJson(printed) : renderConfigYaml(printed)
}

interface ListOptions {
  readonly format: string
  /** `*`, or names with commas between them. */
  readonly hash: string
}

interface List {
  readonly name:
    | 'services'
    | 'volumes'
    | 'networks'
    | 'models'
    | 'hash'
    | 'profiles'
    | 'images'
    | 'variables'
    | 'environment'
  /** What variables stand for is part of it. */
  readonly needsValues?: true
  print(loaded: LoadedStack, output: Output, options: ListOptions): Promise<void> | void
}

const lines = (names: (loaded: LoadedStack) => readonly string[]): List['print'] => {
  return async (loaded, output) => {
    for (const name of names(loaded)) output.line(name)
  }
}

/** In Compose's order: of several that are asked for, the first is printed. */
const LISTS: readonly List[] = [
  { name: 'services', print: lines(({ model }) => Object.keys(model.services ?? {})) },
  { name: 'volumes', print: lines(({ model }) => Object.keys(model.volumes ?? {})) },
  { name: 'networks', print: lines(({ model }) => Object.keys(model.networks ?? {})) },
  {
    name: 'models',
    needsValues: true,
    print: lines(({ model }) =>
      Object.values(model.models ?? {}).map((entry) => (entry as { readonly model: string }).model),
    ),
  },
  { name: 'hash', needsValues: true, print: printHashes },
  { name: 'profiles', needsValues: true, print: lines(({ profiles }) => profiles) },
  {
    name: 'images',
    needsValues: true,
    print: lines(({ model }) =>
      Object.entries(model.services).map(([name, service]) => service.image ?? `${model.name}-${name}`),
    ),
  },
  { name: 'variables', print: printVariables },
  {
    name: 'environment',
    print: lines(({ environment }) =>
      Object.entries(environment)
        .map(([name, value]) => `${name}=${value}`)
        .sort(),
    ),
  },
]

async function printHashes({ model, disabledServices }: LoadedStack, output: Output, { hash }: ListOptions) {
  const { createHash } = await import('node:crypto')
  const { serviceHashInput } = await import('../../../protocol/stackfile/render.ts')
  const { Problem } = await import('../../../protocol/problems.ts')
  for (const name of hash === '*' ? Object.keys(model.services) : hash.split(',')) {
    const service = Object.hasOwn(model.services, name) ? model.services[name] : undefined
    if (service === undefined) {
      const why = disabledServices.includes(name) ? 'disabled' : 'not found'
      throw new Problem('service-not-found', `no such service: ${name}: ${why}`)
    }
    output.line(`${name} ${createHash('sha256').update(serviceHashInput(service)).digest('hex')}`)
  }
}

/** As Compose lays it out: no column narrower than 20 characters. */
function printVariables({ variables }: LoadedStack, output: Output, { format }: ListOptions): void {
  if (format === 'json') {
    const shown = variables.map(({ name, required, default: DefaultValue, alternate: PresenceValue }) => [
      name,
      { Name: name, DefaultValue, PresenceValue, Required: required },
    ])
    output.line(`${JSON.stringify(Object.fromEntries(shown), undefined, 4)}\n`)
    return
  }
  const rows = [
    ['NAME', 'REQUIRED', 'DEFAULT VALUE', 'ALTERNATE VALUE'],
    ...variables.map((variable) => [variable.name, String(variable.required), variable.default, variable.alternate]),
  ]
  const widths = [0, 1, 2].map((column) => Math.max(20, ...rows.map((row) => row[column]!.length + 3)))
  for (const row of rows) output.line(row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(''))
}
