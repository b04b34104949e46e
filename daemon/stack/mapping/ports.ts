/** Ports that a container exposes and publishes. */
import type { Service } from '../../../protocol/stackfile/model.ts'

export function exposedPorts(spec: Service): Record<string, object> | undefined {
  const ports: Record<string, object> = {}
  for (const entry of spec.expose ?? []) {
    const range = /^(\d+)-(\d+)(\/.+)?$/.exec(String(entry))
    // The Engine knows no ranges here, though Compose sends them as they are.
    if (range === null) ports[String(entry)] = {}
    else
      for (let port = Number(range[1]); port <= Number(range[2]); port += 1) ports[`${port}${range[3] ?? '/tcp'}`] = {}
  }
  for (const port of spec.ports ?? []) ports[`${port.target}/${port.protocol ?? 'tcp'}`] = {}
  return Object.keys(ports).length === 0 ? undefined : ports
}

/** `byIngress`: host ports (TCP) that the ingress has instead. */
export function portBindings(
  spec: Service,
  byIngress: readonly number[] = [],
): Record<string, { HostIp: string; HostPort: string }[]> | undefined {
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {}
  for (const port of spec.ports ?? []) {
    const protocol = port.protocol ?? 'tcp'
    if (protocol === 'tcp' && byIngress.includes(Number(port.published))) continue
    const key = `${port.target}/${protocol}`
    bindings[key] ??= []
    bindings[key].push({ HostIp: port.host_ip ?? '', HostPort: port.published ?? '' })
  }
  return Object.keys(bindings).length === 0 ? undefined : bindings
}
