/**
 * Names in the path of a request. They are looked at before anything else is: some of them become parts of paths of the
 * Engine's API, in which they are not to lead anywhere else.
 */
import { z } from 'zod'
import { StackName } from '../../protocol/resources/common.ts'
import { checked } from './checked.ts'

/** Of a container or volume, or an id: the Engine's own rule, so that nothing that exists is refused. */
const EngineName = z
  .string()
  .max(255)
  .regex(
    /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/,
    'a name has letters, digits, `_`, `.` and `-`, and begins with a letter or digit',
  )

const NAMES = { stack: StackName, container: EngineName, volume: EngineName }

export function mustBeNames(params: Readonly<Record<string, string>>): void {
  for (const [param, schema] of Object.entries(NAMES))
    if (params[param] !== undefined) checked(schema, params[param], `the name of the ${param}`)
}
