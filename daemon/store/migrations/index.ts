import { initial } from './0001-initial.ts'

/** In order; the position of a migration, from 1, is the `user_version` that it leads to. Never edited once released. */
export const MIGRATIONS: readonly string[] = [initial]
