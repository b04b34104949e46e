/** What `--format` may say where Docker takes Go templates: `table`, `json`, `table TEMPLATE`, `TEMPLATE`. */
import { parseTemplate, type TemplateData } from './go-template.ts'

export interface Shape {
  /** Go's name for a row, as its errors tell it. */
  readonly type: string
  /** Column heads by field. */
  readonly heads: Readonly<Record<string, string>>
  /** What `raw` stands for. */
  readonly raw?: string
}

/** A row's fields, with `Label` made from its labels. */
export function withLabels(fields: TemplateData, labels: Readonly<Record<string, string>>): TemplateData {
  return withMethod(fields, (name) => labels[name] ?? '')
}

/** `{{json .}}` and `{{.}}` show fields alone. */
const withMethod = (fields: TemplateData, label: (name: string) => string): TemplateData =>
  Object.defineProperty({ ...fields }, 'Label', { value: label, enumerable: false })

/** The whole text, without a last line break. */
export function renderFormat(format: string, rows: readonly TemplateData[], { type, heads, raw }: Shape): string {
  const isTable = format.startsWith('table ')
  const source =
    format === 'raw' && raw !== undefined
      ? raw
      : (isTable ? format.slice('table'.length) : format).replace(/^ +| +$/g, '')
  const template = parseTemplate(source.replaceAll('\\t', '\t').replaceAll('\\n', '\n'), type)
  const lines = rows.map((row) => template.render(row))
  if (!isTable) return lines.join('\n')
  const head = template.render(withMethod(heads, headOfLabel), 'no-value')
  return aligned([head, ...lines].join('\n'))
}

/** As Docker's: the last part of the label's name. */
const headOfLabel = (name: string): string => name.split('.').at(-1)!.replace(/[-_]/g, ' ')

const LEAST = 10
const GAP = 3

/** Cells between tabs become columns; what stands after the last tab of a line is left as it is. */
function aligned(text: string): string {
  const lines = text.split('\n').map((line) => line.split('\t'))
  const widths: number[] = []
  for (const cells of lines) {
    cells.slice(0, -1).forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? LEAST, [...cell].length + GAP)
    })
  }
  return lines
    .map((cells) =>
      cells
        .map((cell, column) =>
          column === cells.length - 1 ? cell : cell + ' '.repeat(widths[column]! - [...cell].length),
        )
        .join(''),
    )
    .join('\n')
}
