import type { Filters } from './types.ts'

/** The Engine takes filters as JSON in the query. */
export const filtersOf = (filters: Filters | undefined): string | undefined =>
  filters === undefined ? undefined : JSON.stringify(filters)
