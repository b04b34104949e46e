import { resolve } from 'node:path'
import { contextSource } from '../../../protocol/build.ts'
import type { Model } from '../../../protocol/stackfile/model.ts'
import { command } from '../command.ts'
import { followJob } from '../follow-job.ts'

export default command({
  name: 'build',
  positional: '[SERVICE...]',
  describe: 'Build or rebuild service images',
  options: {
    'build-arg': { type: 'string', array: true, describe: 'Set build-time variables', placeholder: 'NAME=VALUE' },
    builder: { type: 'string', describe: 'Set builder to use: "default", which is the Engine', placeholder: 'NAME' },
    check: { type: 'boolean', describe: 'Check build configuration' },
    memory: {
      type: 'string',
      alias: 'm',
      describe: 'Set memory limit for the build container. Not supported by BuildKit',
      placeholder: 'BYTES',
    },
    'no-cache': { type: 'boolean', describe: 'Do not use cache when building the image' },
    print: { type: 'boolean', describe: 'Print equivalent bake file' },
    provenance: { type: 'string', describe: 'Add a provenance attestation', placeholder: 'MODE' },
    pull: { type: 'boolean', describe: 'Always attempt to pull a newer version of the image' },
    push: { type: 'boolean', describe: 'Push service images' },
    quiet: { type: 'boolean', alias: 'q', describe: 'Suppress the build output' },
    sbom: { type: 'string', describe: 'Add a SBOM attestation', placeholder: 'GENERATOR' },
    ssh: {
      type: 'string',
      describe: 'Set SSH authentications used when building service images (default|ID[=SOCKET|KEY[,KEY]])',
      placeholder: 'KEY',
    },
    'with-dependencies': { type: 'boolean', describe: 'Also build dependencies (transitively)' },
  },
  examples: [
    ['evenkeel build', 'build all images of the file; no stack changes'],
    ['evenkeel build --no-cache --pull web', 'build one from scratch, on the newest base image'],
    ['evenkeel build --check', 'say what is to be mended in the Dockerfiles, and build nothing'],
  ],
  async run(context, values, services) {
    const { buildOptionsOf, sshOption } = await import('../build-options.ts')
    const options = buildOptionsOf(values, services, process.env)
    const ssh = values.ssh === undefined ? [] : [sshOption(values.ssh)]
    const { loadNamed } = await import('../load-named.ts')
    const { buildsOf, prepareBuild } = await import('../prepare-images.ts')
    const loaded = loadNamed(context, services)
    const { model } = loaded
    const builds = buildsOf(model, services, options.dependencies)
    if (values.print === true) {
      const [{ bakeFileOf }, { proxySettings }] = await Promise.all([
        import('../../bake.ts'),
        import('../../docker-config.ts'),
      ])
      const proxy = await proxySettings(context.api)
      context.output.json(bakeFileOf(model, builds, { ...options, ssh, proxy }))
      return 0
    }
    if (builds.length === 0) return 0
    const request = await prepareBuild(context.api, loaded, builds, {
      pushed: options.images === 'push',
      ssh,
    })
    const started = await context.api.call('build', { stack: model.name }, { ...request, options })
    const { checks = [] } = await followJob(context, started, values.quiet === true ? 'quiet' : 'shown')
    if (options.outcome === 'image') return 0
    const { isClean, renderBuildChecks } = await import('../render/build-check.ts')
    await context.output.write(renderBuildChecks(checks, (service, file) => dockerfileOf(model, service, file)))
    return checks.every(isClean) ? 0 : 1
  },
})

/** As a person finds it here: BuildKit knows it by its name alone. */
function dockerfileOf(model: Model, service: string, file: string): string {
  const { context = '.', dockerfile = 'Dockerfile', dockerfile_inline: inline } = model.services[service]?.build ?? {}
  if (inline !== undefined) return 'inline'
  const source = contextSource(context)
  return source.kind === 'folder' ? resolve(source.path, dockerfile) : file
}
