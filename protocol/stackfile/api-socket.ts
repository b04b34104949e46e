/** `use_api_socket`: what Docker Compose puts in the place of that word before it makes a container of the service. */
import type { Service } from './model.ts'

/** The config under which the client sends the registry credentials of its user. No file can name one so. */
export const CREDENTIALS = '#apisocket'

const SOCKET = '/var/run/docker.sock'
const FOLDER = '/run/secrets/docker'

/** A service that says itself where its credentials lie keeps that. */
export function withApiSocket(service: Service): Service {
  if (service.use_api_socket !== true) return service
  return {
    ...service,
    environment: { DOCKER_CONFIG: FOLDER, ...service.environment },
    volumes: [...(service.volumes ?? []), { type: 'bind', source: SOCKET, target: SOCKET }],
    configs: [...(service.configs ?? []), { source: CREDENTIALS, target: `${FOLDER}/config.json` }],
  }
}
