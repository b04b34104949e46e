import { hijack } from './hijack.ts'
import { segment, type Transport } from './transport.ts'
import type { Engine } from './types.ts'

export function execOf(http: Transport): Engine['exec'] {
  const at = (id: string) => `/exec/${segment(id)}`
  return {
    create: async (container, body, options) =>
      http.json({ method: 'POST', path: `/containers/${segment(container)}/exec`, body, ...options }),
    startDetached: async (id, options) => {
      await http.status({ method: 'POST', path: `${at(id)}/start`, body: { Detach: true, Tty: false }, ...options })
    },
    start: async (id, { tty }, options) => {
      const body = { Detach: false, Tty: tty }
      return hijack(http, { method: 'POST', path: `${at(id)}/start`, body, ...options }, { tty })
    },
    resize: async (id, { rows, columns }, options) => {
      await http.status({ method: 'POST', path: `${at(id)}/resize`, query: { h: rows, w: columns }, ...options })
    },
    inspect: async (id, options) => http.json({ method: 'GET', path: `${at(id)}/json`, ...options }),
  }
}
