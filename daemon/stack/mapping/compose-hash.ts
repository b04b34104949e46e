/**
 * The hash by which Docker Compose knows whether a container is as the file has it (`com.docker.compose.config-hash`).
 * Equal hashes let either tool take over from the other without making a container anew.
 */
import { createHash } from 'node:crypto'
import { withApiSocket } from '../../../protocol/stackfile/api-socket.ts'
import type { Service } from '../../../protocol/stackfile/model.ts'
import { serviceHashInput } from '../../../protocol/stackfile/render.ts'

/** `containerOf` answers the id of a service's first container: Compose hashes it in place of the service's name. */
export function composeHash(service: Service, containerOf: (service: string) => string | undefined): string {
  const spec = withApiSocket(service)
  const resolve = (mode: string | undefined): string | undefined => {
    const other = /^service:(.+)$/.exec(mode ?? '')?.[1]
    return other === undefined ? mode : `container:${containerOf(other) ?? ''}`
  }
  const { network_mode, ipc, pid, volumes_from } = spec
  const resolved = {
    ...spec,
    ...(network_mode === undefined ? {} : { network_mode: resolve(network_mode)! }),
    ...(ipc === undefined ? {} : { ipc: resolve(ipc)! }),
    ...(pid === undefined ? {} : { pid: resolve(pid)! }),
    ...(volumes_from === undefined ? {} : { volumes_from: volumes_from.map((from) => lender(from, containerOf)) }),
  }
  return createHash('sha256').update(serviceHashInput(resolved)).digest('hex')
}

/** Compose drops the access mode here, and the word `container:`. */
function lender(from: string, containerOf: (service: string) => string | undefined): string {
  const [first = '', second = ''] = from.split(':')
  return first === 'container' ? second : (containerOf(first) ?? '')
}
