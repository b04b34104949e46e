/** What is wrong with a YAML text, and where: offsets into it. */
export class YamlSyntaxError extends Error {
  override readonly name = 'YamlSyntaxError'
  readonly start: number
  readonly end: number
  readonly hint: string | undefined

  constructor(message: string, start: number, end: number = start + 1, hint?: string) {
    super(message)
    this.start = start
    this.end = end
    this.hint = hint
  }
}
