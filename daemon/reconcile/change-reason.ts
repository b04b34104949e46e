/** Says in words why a container is replaced: by names of keys, never by values, which may be secret. */
import type { DesiredStack } from '../stack/desired.ts'
import { differingKeys } from '../stack/explain.ts'
import type { ObservedContainer } from '../stack/observed.ts'
import { declarationOf } from '../stack/trial.ts'
import type { RevisionRow } from '../store/revisions.ts'

export function changeReason(
  container: ObservedContainer,
  desired: DesiredStack,
  revision: (number: number) => RevisionRow | undefined,
): string {
  const service = declarationOf(container, desired)
  if (service === undefined) return 'its service is no longer in the file'
  if (container.state === 'dead' || container.state === 'removing') return `it is ${container.state}`
  if (container.unstartable === true) return 'what the Engine left of a start that it died in keeps it from starting'
  if (container.recreate < service.recreate) return '--force-recreate was given'
  const after = revision(service.revision)
  const before = container.revision === undefined ? undefined : revision(container.revision)
  const spec = after?.model.services[container.service]
  const old = before?.model.services[container.service]
  const keys = spec === undefined || old === undefined ? [] : differingKeys(old, spec)
  if (keys.length > 0) return `${list(keys)} changed`
  if (service.image.id !== undefined && service.image.id !== container.imageId) {
    return `image ${service.image.reference} is another one now`
  }
  if (container.revision === undefined) return 'it was made from another definition than the file has now'
  const files = changedFiles(before, after)
  return files.length > 0 ? `the content of ${list(files)} changed` : 'its definition changed'
}

function changedFiles(before: RevisionRow | undefined, after: RevisionRow | undefined): string[] {
  const digests = new Map((before?.files ?? []).map((file) => [`${file.kind} ${file.name}`, file.digest]))
  return (after?.files ?? [])
    .filter((file) => digests.get(`${file.kind} ${file.name}`) !== file.digest)
    .map((file) => (file.kind === 'bundle' ? file.name : `${file.kind} ${file.name}`))
}

const list = (items: readonly string[]): string =>
  items.length <= 4 ? items.join(', ') : `${items.slice(0, 4).join(', ')} and ${items.length - 4} more`
