/** The short form of ports, `[IP:][HOST[-HOST]:]CONTAINER[-CONTAINER][/PROTOCOL]`, as the Engine's own parser reads it. */

export interface PortBinding {
  readonly target: number
  /** A port, a range of which the Engine takes one, or nothing: then the Engine picks. */
  readonly published: string
  readonly hostIp: string
  readonly protocol: string
}

const PROTOCOLS = ['tcp', 'udp', 'sctp']

/** The bindings of one entry, or what is wrong with it. */
export function parsePorts(spec: string): PortBinding[] | string {
  const parts = spec.split(':')
  const container = parts.at(-1)!
  const published = parts.length > 1 ? parts.at(-2)! : ''
  const address = parts.slice(0, -2).join(':')
  const slash = container.indexOf('/')
  const target = slash === -1 ? container : container.slice(0, slash)
  const protocol = (slash === -1 ? 'tcp' : container.slice(slash + 1) || 'tcp').toLowerCase()
  if (target === '') return `"${spec}" names no port of the container`
  if (!PROTOCOLS.includes(protocol.split('/')[0]!)) return `"${protocol}" is no protocol: it is tcp, udp or sctp`
  const hostIp = parseAddress(address)
  if (hostIp === undefined) return `"${address}" is no IP address`
  const targets = parseRange(target)
  if (targets === undefined) return `"${target}" is no port or range of ports (1-65535)`
  const hosts = published === '' ? undefined : parseRange(published)
  if (published !== '' && hosts === undefined) return `"${published}" is no port or range of ports (1-65535)`
  const count = targets.end - targets.start + 1
  if (hosts !== undefined && hosts.end - hosts.start + 1 !== count && count !== 1) {
    return `Ranges ${published} and ${target} differ in length`
  }
  const bindings: PortBinding[] = []
  for (let i = 0; i < count; i++) {
    let host = hosts === undefined ? '' : String(hosts.start + i)
    if (hosts !== undefined && count === 1 && hosts.start !== hosts.end) host += `-${hosts.end}`
    bindings.push({ target: targets.start + i, published: host, hostIp, protocol })
  }
  // Compose sorts the ports of a range as text.
  return bindings.sort((a, b) => compareText(`${a.target}/${a.protocol}`, `${b.target}/${b.protocol}`))
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

function parseRange(text: string): { start: number; end: number } | undefined {
  const [first, second] = text.split('-')
  const start = parsePort(first!)
  const end = second === undefined ? start : parsePort(second)
  return start === undefined || end === undefined || end < start ? undefined : { start, end }
}

function parsePort(text: string): number | undefined {
  if (!/^\d+$/.test(text)) return undefined
  const port = Number(text)
  return port <= 65535 ? port : undefined
}

/** IPv6 addresses stand in brackets. Undefined where it is no address. */
function parseAddress(text: string): string | undefined {
  if (text === '') return ''
  const bracketed = /^\[(.*)\]$/.exec(text)
  if (bracketed !== null) return isIp(bracketed[1]!) ? bracketed[1]! : undefined
  return !text.includes(':') && isIp(text) ? text : undefined
}

export const isIp = (text: string): boolean => isIpv4(text) || isIpv6(text)

const isIpv4 = (text: string): boolean =>
  /^\d{1,3}(\.\d{1,3}){3}$/.test(text) &&
  text.split('.').every((part) => Number(part) <= 255 && (part === '0' || !part.startsWith('0')))

function isIpv6(text: string): boolean {
  if (!text.includes(':')) return false
  const halves = text.split('::')
  if (halves.length > 2) return false
  let groups = 0
  for (const [index, half] of halves.entries()) {
    if (half === '') continue
    const parts = half.split(':')
    for (const [at, part] of parts.entries()) {
      const isLast = index === halves.length - 1 && at === parts.length - 1
      if (isLast && part.includes('.')) {
        if (!isIpv4(part)) return false
        groups += 2
      } else {
        if (!/^[0-9a-f]{1,4}$/i.test(part)) return false
        groups += 1
      }
    }
  }
  return halves.length === 2 ? groups < 8 : groups === 8
}
