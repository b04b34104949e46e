import { filtersOf } from './filters.ts'
import { segment, type Transport } from './transport.ts'
import type { Engine, VolumeInfo } from './types.ts'

export function volumesOf(http: Transport): Engine['volumes'] {
  const at = (name: string) => `/volumes/${segment(name)}`
  return {
    list: async ({ filters }, options) => {
      const query = { filters: filtersOf(filters) }
      const answer = await http.json<{ Volumes: VolumeInfo[] | null }>({
        method: 'GET',
        path: '/volumes',
        query,
        ...options,
      })
      return answer.Volumes ?? []
    },
    inspect: async (name, options) => http.json({ method: 'GET', path: at(name), ...options }),
    create: (body, options) => http.json({ method: 'POST', path: '/volumes/create', body, ...options }),
    remove: async (name, { force }, options) => {
      await http.status({ method: 'DELETE', path: at(name), query: { force }, ...options })
    },
  }
}
