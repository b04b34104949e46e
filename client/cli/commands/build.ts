import { Problem } from '../../../protocol/problems.ts'
import { command } from '../command.ts'
import { followJob } from '../follow-job.ts'

export default command({
  name: 'build',
  positional: '[SERVICE...]',
  describe: 'Build or rebuild service images',
  options: {
    'build-arg': { type: 'string', array: true, describe: 'Set build-time variables', placeholder: 'NAME=VALUE' },
    builder: { type: 'string', describe: 'Set builder to use: "default", which is the Engine', placeholder: 'NAME' },
    check: { type: 'boolean', describe: 'Check build configuration: not supported' },
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
    ssh: { type: 'string', array: true, describe: 'Set SSH authentications: the daemon has none', placeholder: 'KEY' },
    'with-dependencies': { type: 'boolean', describe: 'Also build dependencies (transitively)' },
  },
  examples: [
    ['evenkeel build', 'build all images of the file; no stack changes'],
    ['evenkeel build --no-cache --pull web', 'build one from scratch, on the newest base image'],
  ],
  async run(context, values, services) {
    const { buildOptionsOf } = await import('../build-options.ts')
    const options = buildOptionsOf(values, services, process.env)
    const { loadNamed } = await import('../load-named.ts')
    const { buildsOf, prepareBuild } = await import('../prepare-images.ts')
    const loaded = loadNamed(context, services)
    const { model } = loaded
    const builds = buildsOf(model, services, options.dependencies)
    if (values.print === true) {
      const { bakeFileOf } = await import('../../bake.ts')
      context.output.json(bakeFileOf(model, builds, options))
      return 0
    }
    if (values.check === true) {
      throw new Problem('unsupported', 'build --check: the daemon does not ask BuildKit for its checks', {
        hint: 'run `docker compose build --check`, or let CI do it',
      })
    }
    if (builds.length === 0) return 0
    const request = await prepareBuild(context.api, loaded, builds, options.images === 'push')
    const started = await context.api.call('build', { stack: model.name }, { ...request, options })
    await followJob(context, started, values.quiet === true ? 'quiet' : 'shown')
    return 0
  },
})
