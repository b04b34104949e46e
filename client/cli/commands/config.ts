import { Problem } from '../../../protocol/problems.ts'
import { command } from '../command.ts'
import { table } from '../render/table.ts'

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
    images: { type: 'boolean', describe: 'Print the image names, one per line' },
    profiles: { type: 'boolean', describe: 'Print the profile names, one per line' },
    variables: { type: 'boolean', describe: 'Print model variables and default values' },
    hash: {
      type: 'string',
      describe: 'Print a hash of each service ("*") or of the named ones',
      placeholder: 'SERVICES',
    },
    output: { type: 'string', alias: 'o', describe: 'Save to file (default to stdout)', placeholder: 'FILE' },
    'no-interpolate': { type: 'boolean', describe: "Don't interpolate environment variables" },
    'no-normalize': { type: 'boolean', describe: "Don't normalize compose model" },
    'no-path-resolution': { type: 'boolean', describe: "Don't resolve file paths" },
    'no-env-resolution': { type: 'boolean', describe: "Don't resolve service env files" },
    'no-consistency': { type: 'boolean', describe: "Don't check model consistency" },
  },
  async run(context, values, services) {
    const { loadFromDisk } = await import('../../stack-source.ts')
    const loaded = loadFromDisk(context.selection, {
      services,
      load: {
        interpolate: values['no-interpolate'] !== true,
        normalize: values['no-normalize'] !== true,
        resolvePaths: values['no-path-resolution'] !== true,
        resolveEnvironment: values['no-env-resolution'] !== true,
        consistency: values['no-consistency'] !== true,
        listVariables: values.variables === true,
      },
    })
    for (const warning of loaded.warnings) context.warn(warning)
    const { model } = loaded
    const { output } = context
    const lines = (items: readonly string[]) => {
      for (const item of items) output.line(item)
      return 0
    }
    if (values.quiet === true) return 0
    if (values.services === true) return lines(Object.keys(model.services))
    if (values.volumes === true) return lines(Object.keys(model.volumes ?? {}))
    if (values.networks === true) return lines(Object.keys(model.networks ?? {}))
    if (values.images === true)
      return lines(Object.entries(model.services).map(([name, service]) => service.image ?? `${model.name}-${name}`))
    if (values.profiles === true) return lines(loaded.profiles)
    if (values.variables === true) {
      output.line(
        table(
          ['NAME', 'REQUIRED', 'DEFAULT VALUE', 'ALTERNATE VALUE'],
          loaded.variables.map((variable) => [
            variable.name,
            String(variable.required),
            variable.default,
            variable.alternate,
          ]),
        ),
      )
      return 0
    }
    if (values.hash !== undefined) {
      const { createHash } = await import('node:crypto')
      const wanted = values.hash === '*' ? Object.keys(model.services) : values.hash.split(',')
      return lines(
        wanted.map((name) => {
          const service = model.services[name]
          if (service === undefined) throw new Problem('service-not-found', `no such service: ${name}`)
          return `${name} ${createHash('sha256').update(JSON.stringify(service)).digest('hex')}`
        }),
      )
    }
    const { renderConfigJson, renderConfigYaml } = await import('../../../protocol/stackfile/render.ts')
    const text = values.format === 'json' ? renderConfigJson(model) : renderConfigYaml(model)
    if (values.output === undefined) await output.write(text)
    else (await import('node:fs')).writeFileSync(values.output, text)
    return 0
  },
})
