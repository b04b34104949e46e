/** Options of commands that give rights. */
import { ROLE_NAMES } from '../../protocol/access.ts'

/** Roles of the daemon's own making are as good, so that it alone knows all. */
export const ROLE_OPTION = {
  type: 'string',
  describe: `${ROLE_NAMES.join(', ')}, or one of \`role ls\``,
  placeholder: 'ROLE',
} as const

export const STACK_OPTION = {
  type: 'string',
  array: true,
  describe: 'On stacks of this name, or of this label (KEY=VALUE); * for any characters',
  placeholder: 'PATTERN',
} as const
