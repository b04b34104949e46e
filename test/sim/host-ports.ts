/** Ports of the host, which one container has at a time. */
import { Refusal } from './refusal.ts'
import type { SimulatedContainer } from './simulated-objects.ts'

export function portsOf(host: Readonly<Record<string, unknown>>): SimulatedContainer['ports'] {
  const bindings = (host.PortBindings ?? {}) as Record<string, { HostIp: string; HostPort: string }[]>
  return Object.entries(bindings).flatMap(([key, list]) => {
    const [port = '0', protocol = 'tcp'] = key.split('/')
    return list
      .filter((binding) => binding.HostPort !== '')
      .map((binding) => ({ ip: binding.HostIp, hostPort: Number(binding.HostPort), port: Number(port), protocol }))
  })
}

interface PortsParts {
  readonly containers: Iterable<SimulatedContainer>
  readonly nowMs: number
  readonly newId: () => string
}

/** Throws where another one has a port that this one is to have. */
export function mustHavePorts(container: SimulatedContainer, { containers, nowMs, newId }: PortsParts): void {
  if (container.ports.length === 0) return
  const others = [...containers].filter((other) => other !== container && holdsPorts(other, nowMs))
  for (const { hostPort, protocol } of container.ports) {
    if (!others.some(({ ports }) => ports.some((port) => port.hostPort === hostPort && port.protocol === protocol)))
      continue
    throw new Refusal(
      500,
      `driver failed programming external connectivity on endpoint ${container.name} (${newId()}): Bind for 0.0.0.0:${hostPort} failed: port is already allocated`,
    )
  }
}

/** Those of one that has just ended are released by dockerd's cleaning up. */
const holdsPorts = ({ state, settlesAtMs }: SimulatedContainer, nowMs: number): boolean =>
  state === 'running' || state === 'paused' || settlesAtMs > nowMs
