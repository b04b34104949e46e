/**
 * Hashes of everything that needs a new object when it changes. A container carries the hash that it was made from, so
 * that one list call tells whether it is still as declared.
 */
import { createHash } from 'node:crypto'
import type { Model, Network, Service, Volume } from '../../../protocol/stackfile/model.ts'
import { canonical } from '../explain.ts'

/** Keys that a running container does not feel. Of `deploy`, only resources and the restart policy reach it. */
function felt(spec: Service): Record<string, unknown> {
  const {
    build: _build,
    depends_on: _dependsOn,
    develop: _develop,
    profiles: _profiles,
    pull_policy: _pullPolicy,
    scale: _scale,
    attach: _attach,
    post_start: _postStart,
    pre_stop: _preStop,
    'x-evenkeel': _policy,
    deploy,
    ...rest
  } = spec
  return { ...rest, resources: deploy?.resources, restartPolicy: deploy?.restart_policy }
}

export function serviceSpecHash(input: {
  readonly model: Model
  readonly service: string
  readonly imageId: string
  /** Digests by `kind:name`. */
  readonly fileDigests: Readonly<Record<string, string>>
  /** Host ports that the ingress serves in place of the Engine. */
  readonly ingressPorts?: readonly number[] | undefined
}): string {
  const { model, service, imageId, fileDigests, ingressPorts = [] } = input
  const spec = model.services[service]!
  const digestOf = (kind: 'config' | 'secret') =>
    (kind === 'config' ? spec.configs : spec.secrets)?.map((file) => fileDigests[`${kind}:${file.source}`] ?? '')
  const bundles = (spec.volumes ?? []).flatMap(({ source = '' }) => fileDigests[`bundle:${source}`] ?? [])
  return sha256({
    spec: { ...felt(spec), image: undefined },
    imageId,
    networks: Object.keys(spec.networks ?? {})
      .sort()
      .map((key) => model.networks?.[key]?.name ?? key),
    volumes: (spec.volumes ?? []).map((mount) => model.volumes?.[mount.source ?? '']?.name ?? ''),
    configs: digestOf('config'),
    secrets: digestOf('secret'),
    ...(bundles.length === 0 ? {} : { bundles }),
    ...(ingressPorts.length === 0 ? {} : { ingressPorts }),
  })
}

export function networkSpecHash(network: Network | undefined): string {
  return sha256(network ?? {})
}

export function volumeSpecHash(volume: Volume | undefined): string {
  const { 'x-evenkeel': _policy, ...felt } = volume ?? { name: '' }
  return sha256(felt)
}

const sha256 = (value: unknown): string => createHash('sha256').update(canonical(value)).digest('hex')
