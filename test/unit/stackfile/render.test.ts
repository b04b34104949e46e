import { describe, expect, it } from 'vitest'
import { renderConfigJson, renderConfigYaml, serviceHashInput } from '../../../protocol/stackfile/render.ts'
import { load } from './memory-source.ts'

const files = {
  'compose.yaml': `
services:
  a:
    image: nginx
    x-note: {b: 2, a: [1]}
    command: ["sh", "-c", "echo $$HOME"]
    environment: {A: "1", B: "a: b", C: "yes", D: "x\\ny\\n", E: "<&>"}
    labels: {l10: x, l9: y}
    develop: {watch: [{path: ., action: rebuild}]}
x-top: {empty: []}
`,
}

describe('rendering', () => {
  it('as YAML is what Compose prints: its key order, its quotes, extensions kept, dollars doubled', () => {
    expect(renderConfigYaml(load(files).model)).toBe(`name: p
services:
  a:
    develop:
      watch:
        - path: /p
          action: rebuild
    command:
      - sh
      - -c
      - echo $$HOME
    environment:
      A: "1"
      B: 'a: b'
      C: "yes"
      D: |
        x
        y
      E: <&>
    image: nginx
    labels:
      l9: "y"
      l10: x
    networks:
      default: null
    x-note:
      a:
        - 1
      b: 2
networks:
  default:
    name: p_default
x-top:
  empty: []
`)
  })

  it('as JSON writes nulls and empty maps, leaves inner extensions out and escapes as Go does', () => {
    const json = renderConfigJson(load(files).model)
    expect(json).toContain('"E": "\\u003c\\u0026\\u003e"')
    expect(json).toContain('"echo $$HOME"')
    expect(JSON.parse(json)).toMatchObject({
      services: { a: { entrypoint: null, develop: { watch: [{ path: '/p', exec: { command: null } }] } } },
      networks: { default: { ipam: {} } },
      'x-top': { empty: null },
    })
    expect(json).not.toContain('x-note')
  })

  it('for the hash leaves out what does not change the container', () => {
    const { a } = load({ 'compose.yaml': 'services: {a: {image: x, scale: 2, build: ., pull_policy: always}}' }).model
      .services
    expect(serviceHashInput(a!)).toBe('{"command":null,"entrypoint":null,"image":"x","networks":{"default":null}}')
  })
})
