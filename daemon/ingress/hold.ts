/**
 * Traffic that waits: while a service is paused, HAProxy keeps what is new for it, and brings it on once the pause is taken back
 * or its time is over, which it knows by itself. Only a worker that was begun for that has the means, so that whoever never
 * pauses needs no Lua. Pure.
 */
import { LONGEST_PAUSE_SECONDS } from '../../protocol/traffic.ts'
import { INSIDE } from './inside.ts'
import type { IngressService } from './table.ts'

/** When each pause ends, by service: Unix milliseconds. HAProxy reads it when it begins, and is told of changes. */
export const PAUSES = 'paused.map'
export const SCRIPT = 'hold.lua'

/** How often one that waits looks whether it may go on. */
export const HOLD_LOOK_MS = 100

export const SCRIPT_TEXT = `local paused = Map.new("${INSIDE}/${PAUSES}", Map._str)
core.register_action("evenkeel_hold", { "tcp-req", "http-req" }, function(txn)
  local service = txn:get_var("txn.service")
  while service do
    local till = paused:lookup(service)
    local now = core.now()
    if till == nil or now.sec * 1000 + now.usec / 1000 >= tonumber(till) then return end
    core.msleep(${HOLD_LOOK_MS})
  end
end)
`

export const LOAD_SCRIPT = `  lua-load ${INSIDE}/${SCRIPT}\n`

const nameOf = ({ stack, service }: Pick<IngressService, 'stack' | 'service'>): string => `${stack}:${service}`

export const holdsAny = (services: readonly IngressService[]): boolean =>
  services.some(({ pausedUntilMs }) => pausedUntilMs !== undefined)

export function pausesOf(services: readonly IngressService[]): Map<string, string> {
  return new Map(
    services.flatMap((service) =>
      service.pausedUntilMs === undefined ? [] : [[nameOf(service), String(service.pausedUntilMs)]],
    ),
  )
}

/** `conditions`: where the frontend is of several services, the most specific last. */
export function holdHttp(of: readonly { stack: string; service: string; condition?: string | undefined }[]): string[] {
  return [
    ...of.map((one) => `  http-request set-var(txn.service) str(${nameOf(one)})${one.condition ?? ''}`),
    '  http-request lua.evenkeel_hold',
  ]
}

export function holdTcp(service: { stack: string; service: string }): string[] {
  return [
    `  tcp-request inspect-delay ${LONGEST_PAUSE_SECONDS + 60}s`,
    `  tcp-request content set-var(txn.service) str(${nameOf(service)})`,
    '  tcp-request content lua.evenkeel_hold',
  ]
}
