import { describe, expect, test } from 'vitest'
import { renderFormat, withLabels } from '../../../../client/cli/render/format.ts'
import { parseTemplate } from '../../../../client/cli/render/go-template.ts'
import { problemOf } from '../../support/problems.ts'

const ROW = withLabels(
  {
    Name: 'shop-web-1',
    State: 'running',
    Health: '',
    ExitCode: 0,
    Publishers: [
      { URL: '0.0.0.0', TargetPort: 80, PublishedPort: 8080, Protocol: 'tcp' },
      { URL: '::', TargetPort: 80, PublishedPort: 8081, Protocol: 'tcp' },
    ],
  },
  { 'a.b': 'x y' },
)
const rendered = (source: string): string => parseTemplate(source, '*formatter.ContainerContext').render(ROW)
const refusal = (source: string): string => problemOf(() => rendered(source)).message

describe('a Go template', () => {
  // What `docker compose ps --format` 2.40.3 printed for the like.
  test.each([
    ['{{.Name}}', 'shop-web-1'],
    ['{{ .Name | upper }}', 'SHOP-WEB-1'],
    ['{{json .Name}}', '"shop-web-1"'],
    ['{{.Label "a.b"}}|{{.Label "none"}}|', 'x y||'],
    ['{{range .Publishers}}{{.PublishedPort}} {{end}}', '8080 8081 '],
    [
      '{{range $i, $p := .Publishers}}{{$i}}:{{$p.PublishedPort}}{{$.Name}} {{end}}',
      '0:8080shop-web-1 1:8081shop-web-1 ',
    ],
    ['{{range $p := .Publishers}}{{$p.Protocol}}{{else}}none{{end}}', 'tcptcp'],
    ['{{if eq .State "running"}}up{{else}}down{{end}}', 'up'],
    ['{{if eq .State "a"}}a{{else if eq .State "running"}}b{{else}}c{{end}}', 'b'],
    ['{{if and .Name .Health}}a{{else}}b{{end}}', 'b'],
    ['{{with .Health}}h{{else}}none{{end}}{{/* c */}} {{- " x" -}} ', 'none x'],
    ['{{upper .Name}} {{title "web app"}} {{join (split .Name "-") "/"}}', 'SHOP-WEB-1 Web App shop/web/1'],
    ['{{printf "%-12s|%3d|%q|%%" .Name .ExitCode "a"}}', 'shop-web-1  |  0|"a"|%'],
    ['{{len .Name}} {{pad .Name 2 2}}| {{truncate .Name 4}} {{padlen "a" 3}}|', '10   shop-web-1  | shop a  |'],
    ['{{.Publishers}}', '[{0.0.0.0 80 8080 tcp} {:: 80 8081 tcp}]'],
    ['{{$x := .Name}}{{$x}} {{$x = "b"}}{{$x}}', 'shop-web-1 b'],
    ['{{and .Name .State}} {{or .Health "n"}} {{not .Health}}', 'running n true'],
    ['{{index (split .Name "-") 1}} {{slice .Name 0 2}} {{ne .State "a"}} {{lt 1 2}}', 'web sh true true'],
    ['{{(index .Publishers 0).URL}}', '0.0.0.0'],
    ['{{`a"b`}} {{"\\t\\u00e9"}} {{\'a\'}} {{true}} {{-1}}', 'a"b \té 97 true -1'],
    ['a {{- .State -}} b', 'arunningb'],
    ['{{ .Name\n| upper }}', 'SHOP-WEB-1'],
    ['{{html "<a&b>"}} {{println 1 "b"}}', '&lt;a&amp;b&gt; 1 b\n'],
    ['{{printf "%d %s" "a"}} {{printf "%d" 1 2}}', '%!d(a) %!s(MISSING) 1%!(EXTRA 2)'],
    ['no action }} at all', 'no action }} at all'],
    ['', ''],
  ])('%s', (source, text) => {
    expect(rendered(source)).toBe(text)
  })

  test('of one field is JSON without methods', () => {
    expect(JSON.parse(rendered('{{json .}}'))).toEqual({ ...ROW })
  })

  test.each([
    [
      '{{.Foo}}',
      `template: :1:2: executing "" at <.Foo>: can't evaluate field Foo in type *formatter.ContainerContext`,
    ],
    ['{{.Name.Foo}}', "can't evaluate field Foo in type string"],
    ['{{.Name', 'template: :1: unclosed action'],
    ['a\n{{nosuch .Name}}', 'template: :2: function "nosuch" not defined'],
    ['{{if .Name}}', 'unexpected EOF'],
    ['{{else}}', 'unexpected {{else}}'],
    ['{{end}}', 'unexpected {{end}}'],
    ['{{}}', 'missing value for command'],
    ['{{.Name | }}', 'missing value for command'],
    ['{{(.Name}}', 'unclosed left paren'],
    ['{{.Name ) }}', 'unexpected ")"'],
    ['{{.Name % 1}}', 'unexpected "%" in action'],
    ['{{$none}}', 'undefined variable "$none"'],
    ['{{index .Publishers 7}}', 'error calling index: index out of range: 7'],
    ['{{upper 1}}', 'error calling upper'],
    ['{{range .Name}}{{end}}', "range can't iterate over shop-web-1"],
    ['{{template "a"}}', '{{template}} is not known here'],
    ['{{.Name.constructor}}', "can't evaluate field constructor"],
    ['{{.__proto__}}', "can't evaluate field __proto__"],
  ])('%s is refused', (source, words) => {
    expect(refusal(source)).toContain('template parsing error: template: ')
    expect(refusal(source)).toContain(words)
  })

  test('does not fill the memory', () => {
    const many = Array.from({ length: 3000 }, (_, index) => index)
    const template = parseTemplate('{{range .A}}{{range $.A}}{{padlen "" 9000}}{{end}}{{end}}', 'x')
    expect(problemOf(() => template.render({ A: many })).message).toContain('prints more than 16 MiB')
  })
})

describe('a format', () => {
  const shape = { type: 'x', heads: { Name: 'NAME', State: 'STATE', ID: 'CONTAINER ID' }, raw: 'name: {{.Name}}\n' }
  const format = (text: string, rows = [ROW]) => renderFormat(text, rows, shape)

  test('with \\t and \\n as two letters', () => {
    expect(format('{{.Name}}\\t{{.State}}\\n')).toBe('shop-web-1\trunning\n')
  })

  test('that begins with table has heads, and <no value> where a column has none', () => {
    expect(format('table {{.State}}\\t{{.Name}}\\t{{.Label "a.the_key"}}\\t{{.Health}}')).toBe(
      'STATE     NAME         the key   <no value>\nrunning   shop-web-1             ',
    )
  })

  test('is refused without rows as with them, where it cannot be read', () => {
    expect(problemOf(() => format('{{.Name', [])).message).toContain('unclosed action')
  })

  test('raw', () => {
    expect(format('raw')).toBe('name: shop-web-1\n')
  })

  test('that is only words is those, for each row', () => {
    expect(format('TABLE', [ROW, ROW])).toBe('TABLE\nTABLE')
  })
})
