/** `--format` where Docker takes Go templates. */
export type { Shape } from './render/format.ts'

export const FORMAT_OPTION = {
  type: 'string',
  describe: 'Format output: table, json, or a Go template ("{{.Name}}", "table {{.Name}}\\t{{.State}}")',
  placeholder: 'FORMAT',
  default: 'table',
} as const
