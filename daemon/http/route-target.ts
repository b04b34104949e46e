/** What a request is about, and whether the audit is to know of it. Pure. */
import { objectOf, type Permission } from '../../protocol/access.ts'
import type { Target } from '../access/gate.ts'

export function targetOf(path: string, params: Readonly<Record<string, string>>): Target {
  const object = objectOf(path)
  return object.kind === 'none' ? object : { kind: object.kind, id: params[object.param]! }
}

/** Questions, though they are asked with POST. */
const ASKING: readonly Permission[] = ['connect', 'read', 'image.read']
/** Answers that carry away what containers, volumes or the daemon itself hold. */
const CARRYING: readonly Permission[] = ['exec', 'volume.data', 'administer']

/** All that changes something, and all that takes data along. */
export function isAudited({
  method,
  permission,
}: {
  readonly method: string
  readonly permission: Permission
}): boolean {
  return method === 'GET' ? CARRYING.includes(permission) : !ASKING.includes(permission)
}
