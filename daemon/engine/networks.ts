import { filtersOf } from './filters.ts'
import { segment, type Transport } from './transport.ts'
import type { Engine } from './types.ts'

export function networksOf(http: Transport): Engine['networks'] {
  const at = (id: string) => `/networks/${segment(id)}`
  return {
    list: ({ filters }, options) =>
      http.json({ method: 'GET', path: '/networks', query: { filters: filtersOf(filters) }, ...options }),
    inspect: async (id, options) => http.json({ method: 'GET', path: at(id), ...options }),
    create: (body, options) => http.json({ method: 'POST', path: '/networks/create', body, ...options }),
    remove: async (id, options) => {
      await http.status({ method: 'DELETE', path: at(id), ...options })
    },
    connect: async (id, container, endpoint, options) => {
      const body = { Container: container, EndpointConfig: endpoint }
      await http.status({ method: 'POST', path: `${at(id)}/connect`, body, ...options })
    },
    disconnect: async (id, container, { force }, options) => {
      await http.status({
        method: 'POST',
        path: `${at(id)}/disconnect`,
        body: { Container: container, Force: force },
        ...options,
      })
    },
  }
}
