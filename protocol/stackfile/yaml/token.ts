/** The words of YAML. Starts and ends of block collections come from indentation, `key` also from a `:` further on. */
import type { Tag } from './tag.ts'

export type TokenKind =
  | 'stream-end'
  | 'version-directive'
  | 'tag-directive'
  | 'document-start'
  | 'document-end'
  | 'block-sequence-start'
  | 'block-mapping-start'
  | 'block-end'
  | 'flow-sequence-start'
  | 'flow-sequence-end'
  | 'flow-mapping-start'
  | 'flow-mapping-end'
  | 'block-entry'
  | 'flow-entry'
  | 'key'
  | 'value'
  | 'alias'
  | 'anchor'
  | 'tag'
  | 'scalar'

export interface Token {
  readonly kind: TokenKind
  readonly start: number
  readonly end: number
  /** The value of a scalar, the name of an anchor or alias, the version of a directive. */
  readonly text: string
  /** Of a scalar: that no quotes or block say that it is text. */
  readonly isPlain: boolean
  readonly tag: Tag | undefined
}
