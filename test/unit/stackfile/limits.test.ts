import { describe, expect, it } from 'vitest'
import { LIMITS } from '../../../protocol/stackfile/budget.ts'
import { errorsOf, load } from './memory-source.ts'

const errors = (text: string, beside: Record<string, string> = {}): string[] =>
  errorsOf({ 'compose.yaml': text, ...beside })

const WEB = 'services: {web: {image: x}}\n'
const nested = (depth: number): string => `x-a: ${'['.repeat(depth)}${']'.repeat(depth)}\n${WEB}`
const indented = (depth: number): string =>
  `x-a:\n${Array.from({ length: depth }, (_, level) => `${' '.repeat(level + 1)}k:\n`).join('')}${WEB}`
const chain = (length: number): string =>
  `x-0: &a0 {k: v}\n${Array.from({ length }, (_, link) => `x-${link + 1}: &a${link + 1} {k: *a${link}}\n`).join('')}${WEB}`

describe('what lies within the limits is loaded', () => {
  it.each([
    ['100 brackets', nested(LIMITS.depth)],
    ['300 levels of indentation', indented(300)],
    ['90,000 values', `x-a: [${'a,'.repeat(90_000)}]\n${WEB}`],
    ['9 MiB of text', `x-a: |\n${`  ${'y'.repeat(98)}\n`.repeat(93_000)}${WEB}`],
    ['10,000 ports', 'services: {web: {image: x, ports: ["10000-19999:10000-19999/udp"]}}'],
    ['a chain of 3,000 dependencies', dependencies(3_000)],
  ])('%s', (_, text) => {
    expect(errors(text)).toEqual([])
  })
})

const services = (prefix: string, count: number): string =>
  Array.from({ length: count }, (_, at) => `  ${prefix}${at}: {image: x}\n`).join('')

function dependencies(count: number): string {
  const services = Array.from(
    { length: count },
    (_, at) => `  s${at}: {image: x, network_mode: none${at === 0 ? '' : `, depends_on: [s${at - 1}]`}}\n`,
  )
  return `services:\n${services.join('')}`
}

describe('what lies beyond is refused at the place where it goes too far', () => {
  it.each([
    ['101 brackets', nested(101), 'compose.yaml:1:106 Brackets and aliases nest deeper than 100'],
    ['500 levels of indentation', indented(500), 'compose.yaml:401:401 The file nests deeper than 400 levels'],
    ['a chain of aliases', chain(60), 'compose.yaml:51:16 Brackets and aliases nest deeper than 100'],
    [
      'more than 100,000 values',
      `x-a: [${'a,'.repeat(100_001)}]\n${WEB}`,
      'compose.yaml:1:200003 The stack has more than 100000 values',
    ],
    [
      'more than 10 MiB by aliases',
      `x-a: &a ${'y'.repeat(1024 * 1024)}\nx-b: [${'*a, '.repeat(11)}]\n${WEB}`,
      'compose.yaml:2:39 The values of the stack are larger than 10 MiB',
    ],
    [
      'services that extend a large one',
      `services:\n  base: {image: x, labels: [${Array.from({ length: 1000 }, (_, at) => `l${at}=v`).join()}]}\n${Array.from({ length: 200 }, (_, at) => `  s${at}: {extends: base}\n`).join('')}`,
      'compose.yaml:101:18 The stack has more than 100000 values',
    ],
    ['more than 3,000 services', dependencies(3_001), 'compose.yaml:1:1 The stack has more than 3000 services'],
    [
      'more than 3,000 services of two documents',
      `services:\n${services('a', 2000)}---\nservices:\n${services('b', 2000)}`,
      'compose.yaml:1:1 The stack has more than 3000 services',
    ],
    [
      'more than 10,000 dependencies',
      `services: {web: {image: x, depends_on: [${Array.from({ length: 10_001 }, (_, at) => `s${at}`).join()}]}}\n`,
      'compose.yaml:1:58931 The stack has more than 10000 dependencies',
    ],
    [
      'a chain of extends',
      `services:\n${Array.from({ length: 200 }, (_, at) => `  s${at}: {extends: s${at + 1}}\n`).join('')}  s200: {image: x}\n`,
      'compose.yaml:103:19 extends nests deeper than 100',
    ],
    [
      'ports that make too many values',
      'services: {web: {image: x, ports: ["1-32000:1-32000"]}}',
      'compose.yaml:1:1 The stack has more than 100000 values or 10 MiB once it is written out',
    ],
    [
      'documents on documents',
      `${WEB}x-a: [${'a,'.repeat(50_000)}]\n${'---\nx-b: 1\n'.repeat(30)}`,
      'compose.yaml:40:1 The stack is laid together from too many documents',
    ],
  ])('%s', (_, text, message) => {
    expect(errors(text)).toEqual([message])
  })

  it('files, all together', () => {
    const variables = `A=${'y'.repeat(6 * 1024 * 1024)}\n`
    expect(
      errors('services: {web: {image: x, env_file: [a.env, b.env]}}', { 'a.env': variables, 'b.env': variables }),
    ).toEqual(['compose.yaml:1:46 /p/b.env and the files before it are larger than 10 MiB'])
  })

  it('an env file for each service that uses it', () => {
    const services = Array.from({ length: 12 }, (_, at) => `  s${at}: {image: x, env_file: a.env}\n`)
    expect(errors(`services:\n${services.join('')}`, { 'a.env': `A=${'y'.repeat(1024 * 1024)}\n` })).toEqual([
      'compose.yaml:9:28 The values of the stack are larger than 10 MiB',
    ])
  })

  it('an include of an include of an include', () => {
    const files = Object.fromEntries(
      Array.from({ length: 200 }, (_, at) => [`f${at}.yaml`, `include: [f${at + 1}.yaml]\n`]),
    )
    expect(errors('include: [f0.yaml]', { ...files, 'f200.yaml': WEB })).toEqual([
      'f99.yaml:1:11 include nests deeper than 100',
    ])
  })
})

describe('errors', () => {
  it('are at most a hundred', () => {
    const text = `services:\n${Array.from({ length: 500 }, (_, at) => `  s${at}: {imag: x}\n`).join('')}`
    expect(errors(text)).toHaveLength(100)
  })

  it('quote no more of a value than a person reads', () => {
    const [first] = errors(`services: {a: {image: x, ports: ["${'9'.repeat(100_000)}"]}}`)
    expect(first?.length).toBeLessThan(600)
  })
})

describe('numbers of many digits', () => {
  it('are text, as no type holds them', () => {
    const { model } = load({ 'compose.yaml': `x-a: ${'9'.repeat(200_000)}\n${WEB}` })
    expect((model as unknown as Record<string, string>)['x-a']).toHaveLength(200_000)
  })
})
