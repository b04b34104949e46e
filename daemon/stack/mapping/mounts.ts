/** Volumes, binds, tmpfs, configs and secrets of a container. */
import { Problem } from '../../../protocol/problems.ts'
import type { FileReference, Model, Mount, Service } from '../../../protocol/stackfile/model.ts'
import { compareVersions, needsApi } from './api-needs.ts'
import type { ContainerInput, FileToCopy } from './container-plan.ts'
import { defined } from './resources.ts'

export interface Mounts {
  readonly binds: readonly string[]
  readonly mounts: readonly Record<string, unknown>[]
  readonly tmpfs: Readonly<Record<string, string>>
  readonly files: readonly FileToCopy[]
  readonly warnings: readonly string[]
}

export function mountsOf(input: ContainerInput, spec: Service): Mounts {
  const binds: string[] = []
  const mounts: Record<string, unknown>[] = []
  const warnings: string[] = []
  for (const [index, given] of (spec.volumes ?? []).entries()) {
    const path = `services.${input.service}.volumes[${index}]`
    const mount = bundled(given, input)
    if (mount !== given && given.read_only !== true)
      warnings.push(
        `${path}: ${given.source} was sent with the stack and is mounted read-only: what is written needs a volume`,
      )
    const bind = bindOf(mount, input, path)
    if (bind !== undefined) binds.push(bind)
    else mounts.push(mountOf(mount, input, path))
  }
  mounts.push(...carried(input, spec))
  const files: FileToCopy[] = []
  for (const kind of ['config', 'secret'] as const) {
    for (const reference of (kind === 'config' ? spec.configs : spec.secrets) ?? []) {
      if (kind === 'secret' && reference['x-evenkeel']?.env !== undefined) continue
      const target = targetOf(kind, reference)
      refuseDriver(kind, reference.source, input.model)
      const source = input.fileSource(kind, reference.source)
      if ('hostPath' in source) {
        // A volume of the file at the same place comes first, as in Compose.
        if (spec.volumes?.some((mount) => mount.target === target)) continue
        if (reference.uid !== undefined || reference.gid !== undefined || reference.mode !== undefined) {
          warnings.push(
            `services.${input.service}.${kind}s: ${reference.source} is mounted from a file, whose owner and mode it keeps: uid, gid and mode have no effect`,
          )
        }
        mounts.push({ Type: 'bind', Source: source.hostPath, Target: target, ReadOnly: true })
      } else {
        if (spec.read_only === true) {
          throw new Problem(
            'unsupported',
            `services.${input.service}.${kind}s: ${reference.source} cannot be copied into a read-only container`,
            { hint: `give ${kind}s.${reference.source} as a file, or take read_only away` },
          )
        }
        files.push({
          path: target,
          content: source.content,
          mode: modeOf(reference.mode),
          uid: Number(reference.uid ?? 0),
          gid: Number(reference.gid ?? 0),
        })
      }
    }
  }
  return { binds, mounts, tmpfs: tmpfsOf(spec), files, warnings }
}

/** What came from the client's machine is known by its content: nobody writes to it. */
function bundled(mount: Mount, { bundleAt }: ContainerInput): Mount {
  const source = mount.type === 'bind' && mount.source !== undefined ? bundleAt(mount.source) : undefined
  return source === undefined ? mount : { ...mount, source, read_only: true }
}

function refuseDriver(kind: 'config' | 'secret', name: string, model: Model): void {
  const object = (kind === 'config' ? model.configs : model.secrets)?.[name]
  for (const key of ['driver', 'template_driver'] as const) {
    if (object?.[key] === undefined) continue
    throw new Problem('unsupported', `${kind}s.${name}.${key}: drivers exist only in Swarm mode`, {
      hint: `say where its content is: ${kind}s.${name}.file`,
    })
  }
}

function tmpfsOf(spec: Service): Record<string, string> {
  return Object.fromEntries(
    (spec.tmpfs ?? []).map((entry) => {
      const colon = entry.indexOf(':')
      return colon < 0 ? [entry, ''] : [entry.slice(0, colon), entry.slice(colon + 1)]
    }),
  )
}

/** The short form that every Engine has, for what it can say, as in Compose. */
function bindOf(mount: Mount, input: ContainerInput, path: string): string | undefined {
  if (mount.type === 'bind') {
    return needsLongBind(mount, input.apiVersion) ? undefined : bindString(mount.source ?? '', mount, path)
  }
  const { subpath, labels = {}, nocopy } = mount.volume ?? {}
  if (mount.type !== 'volume' || !mount.source || subpath || nocopy || Object.keys(labels).length > 0) return undefined
  return bindString(input.model.volumes?.[mount.source]?.name ?? mount.source, mount, path)
}

/**
 * What the short form cannot say, as in Compose; in the canonical model a `bind` without `create_host_path` makes no path.
 * The long way cannot make one below API 1.42, and it has no room for SELinux labels: there the short form honours more.
 */
function needsLongBind({ bind }: Mount, apiVersion: string): boolean {
  if (bind?.recursive !== undefined) return true
  if (bind === undefined || bind.selinux) return false
  return bind.create_host_path !== true || (Boolean(bind.propagation) && compareVersions(apiVersion, '1.42') >= 0)
}

function bindString(source: string, mount: Mount, path: string): string {
  if (source.includes(':') || mount.target.includes(':')) {
    throw new Problem('unsupported', `${path}: a path with a colon cannot be mounted (${source} on ${mount.target})`, {
      hint: 'use a path without a colon',
    })
  }
  const options = [
    mount.read_only === true ? 'ro' : 'rw',
    mount.bind?.selinux,
    mount.bind?.propagation,
    mount.volume?.nocopy === true ? 'nocopy' : undefined,
  ].filter((option) => option !== undefined && option !== '')
  return `${source}:${mount.target}:${options.join(',')}`
}

function mountOf(mount: Mount, input: ContainerInput, path: string): Record<string, unknown> {
  const shared = {
    Type: mount.type,
    Target: mount.target,
    ReadOnly: mount.read_only === true ? true : undefined,
    Consistency: mount.consistency,
  }
  switch (mount.type) {
    case 'bind':
      return defined({
        ...shared,
        Source: mount.source,
        BindOptions:
          mount.bind &&
          defined({
            Propagation: mount.bind.propagation,
            CreateMountpoint: mount.bind.create_host_path === true ? true : undefined,
            ...recursive(mount, input, path),
          }),
      })
    case 'volume': {
      if (mount.volume?.subpath !== undefined) needsApi(`${path}.volume.subpath`, '1.45', input.apiVersion)
      const name = mount.source
        ? (input.model.volumes?.[mount.source]?.name ?? mount.source)
        : input.carriedVolumes[mount.target]
      return defined({
        ...shared,
        Source: name,
        VolumeOptions:
          mount.volume &&
          defined({ NoCopy: mount.volume.nocopy, Subpath: mount.volume.subpath, Labels: mount.volume.labels }),
      })
    }
    case 'tmpfs':
      return defined({
        ...shared,
        TmpfsOptions:
          mount.tmpfs &&
          defined({
            SizeBytes: mount.tmpfs.size === undefined ? undefined : Number(mount.tmpfs.size),
            Mode: mount.tmpfs.mode === undefined ? undefined : Number(mount.tmpfs.mode),
          }),
      })
    case 'image':
      needsApi(`${path}.type: image`, '1.48', input.apiVersion)
      return defined({
        ...shared,
        Source: mount.source,
        ImageOptions: mount.image && defined({ Subpath: mount.image.subpath }),
      })
    case 'npipe':
      return defined({ ...shared, Source: mount.source })
    case 'cluster':
      throw new Problem('unsupported', `${path}.type: cluster volumes exist only in Swarm mode`, {
        hint: 'use a volume of type volume with a driver',
      })
  }
}

function recursive(mount: Mount, input: ContainerInput, path: string): Record<string, unknown> {
  const how = mount.bind?.recursive
  if (how === 'disabled') return { NonRecursive: true }
  // Below API 1.44 read-only never reaches the mounts below, which is what `writable` asks for.
  if (how === 'writable') return { ReadOnlyNonRecursive: true }
  if (how !== 'readonly') return {}
  needsApi(`${path}.bind.recursive: readonly`, '1.44', input.apiVersion)
  return { ReadOnlyForceRecursive: true }
}

/** Anonymous volumes that the image declares move on too; those of the file are taken over where they stand. */
function carried(input: ContainerInput, spec: Service): Record<string, unknown>[] {
  const declared = new Set((spec.volumes ?? []).map((mount) => mount.target))
  const wanted = new Set(Object.keys(input.image.inspect.Config?.Volumes ?? {}))
  return Object.entries(input.carriedVolumes)
    .filter(([target]) => !declared.has(target) && wanted.has(target))
    .map(([Target, Source]) => ({ Type: 'volume', Source, Target }))
}

/** A config goes to `/NAME`, a secret to `/run/secrets/NAME`, unless the target says otherwise (Compose's rule). */
export function targetOf(kind: 'config' | 'secret', reference: FileReference): string {
  const target = reference.target === undefined || reference.target === '' ? reference.source : reference.target
  if (target.startsWith('/')) return target
  return kind === 'config' ? `/${target}` : `/run/secrets/${target}`
}

/** `"0440"` is octal in the canonical form; without one everybody may read. */
function modeOf(mode: string | number | undefined): number {
  if (mode === undefined) return 0o444
  return typeof mode === 'number' ? mode : Number.parseInt(mode.replace(/^0o/, ''), 8)
}
