/** Credentials of a request, by registry host, as the Engine takes them. */
import type { UpRequest } from '../../protocol/resources/stack.ts'
import type { RegistryAuth } from '../engine/types.ts'

export function toAuth(auth: UpRequest['registryAuth']): Record<string, RegistryAuth> {
  return Object.fromEntries(
    Object.entries(auth).map(([host, entry]) => [
      host,
      Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== undefined)) as { serveraddress: string },
    ]),
  )
}
