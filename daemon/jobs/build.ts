/** What `build` does for each service: its `build` section with the flags of the request over it. */
import { additionalContextIds, builtServices, servicesInBuild } from '../../protocol/build.ts'
import type { BuildOptions, BuildRequest } from '../../protocol/resources/job.ts'
import type { Build, Model } from '../../protocol/stackfile/model.ts'
import { type BuildOrder, withProxy } from '../build/build-order.ts'
import type { ImageBuilder } from '../build/builder.ts'
import { Transcript } from '../build/transcript.ts'
import type { Engine } from '../engine/types.ts'
import type { Credentials } from '../reconcile/credentials.ts'
import { imageReference } from '../reconcile/desired-reader.ts'
import type { Job } from './job.ts'
import type { JobTask } from './job-task.ts'
import { pushedNames, pushTask } from './push.ts'
import { selectedServices } from './selection.ts'

export function buildWith(build: Build, options: BuildOptions): Build {
  const { args, cache, bases, provenance, sbom } = options
  return {
    ...build,
    ...(Object.keys(args).length === 0 ? {} : { args: { ...build.args, ...args } }),
    ...(cache === 'ignore' ? { no_cache: true } : {}),
    ...(bases === 'pull' ? { pull: true } : {}),
    ...(provenance === undefined ? {} : { provenance }),
    ...(sbom === undefined ? {} : { sbom }),
  }
}

export function buildTasks(
  request: BuildRequest & { readonly model: Model },
  job: Job,
  { engine, builder }: { readonly engine: Engine; readonly builder: ImageBuilder },
  credentials: Credentials,
): JobTask[] {
  const { registryAuth } = credentials
  const { model, options } = request
  const selected = selectedServices(model, options).map(([name]) => name)
  const builds = builtServices(model.services, selected)
  const transcript = new Transcript(builds.length === 1 ? 'bare' : 'by-service', (service, line) =>
    job.write(service, line),
  )
  return builds.flatMap((service) => {
    const spec = model.services[service]!
    const build = spec.build!
    const order: BuildOrder = {
      stack: model.name,
      service,
      build: withProxy(buildWith(build, options), request.source.proxy),
      imageName: imageReference(model.name, service, spec),
      platform: spec.platform,
      contextId: request.contexts[service],
      additionalContextIds: additionalContextIds(request.contexts, service),
      registryAuth,
      secrets: secretsOf(build, request.files),
      agents: credentials.agents(service),
      imageOf: (other) => imageReference(model.name, other, model.services[other] ?? {}),
      memoryBytes: options.memoryBytes,
      output: transcript.of(service),
    }
    const names = options.images === 'push' ? pushedNames(spec) : []
    const making: JobTask = {
      id: idOf(service),
      after: servicesInBuild(build)
        .filter((other) => builds.includes(other))
        .map(idOf),
      tolerates: [],
      action: 'build-image',
      object: order.imageName,
      service,
      reason: 'it was asked for',
      words: ['Building', 'Built'],
      failure: 'Error',
      async perform(report, signal) {
        try {
          const by = await builder.build(order, report, signal)
          if (options.memoryBytes !== undefined && by === 'buildkit') {
            job.warn(`${order.imageName} was built without a memory limit: BuildKit knows none`)
          }
        } finally {
          order.output?.end()
        }
      },
    }
    if (options.outcome === 'check') return [checkTask(order, job, builder)]
    if (names.length === 0) return [making]
    return [making, pushTask({ service, references: names, after: [making.id] }, engine, registryAuth)]
  })
}

/** Nothing waits for a check, and no check for another: nothing is made. */
function checkTask(order: BuildOrder, job: Job, builder: ImageBuilder): JobTask {
  return {
    id: `check-build ${order.service}`,
    after: [],
    tolerates: [],
    action: 'check-build',
    object: order.imageName,
    service: order.service,
    reason: 'it was asked for',
    words: ['Checking', 'Checked'],
    failure: 'Error',
    async perform(report, signal) {
      try {
        job.found(await builder.check(order, report, signal))
      } finally {
        order.output?.end()
      }
    },
  }
}

const idOf = (service: string): string => `build-image ${service}`

function secretsOf(build: Build, files: BuildRequest['files']): BuildOrder['secrets'] {
  return new Map(
    (build.secrets ?? []).flatMap(({ source, target }) => {
      const file = files.find(({ kind, name }) => kind === 'secret' && name === source)
      return file === undefined ? [] : [[target ?? source, () => Buffer.from(file.base64, 'base64')] as const]
    }),
  )
}
