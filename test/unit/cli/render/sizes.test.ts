import { expect, test } from 'vitest'
import { processTable } from '../../../../client/cli/commands/top.ts'
import { binarySize, decimalSize } from '../../../../client/cli/render/sizes.ts'

/** From what docker/go-units answers. */
test.each([
  [0, '0B', '0B'],
  [126, '126B', '126B'],
  [999, '999B', '999B'],
  [1000, '1kB', '1000B'],
  [1023, '1.02kB', '1023B'],
  [1024, '1.02kB', '1KiB'],
  [1360, '1.36kB', '1.328KiB'],
  [488 * 1024, '500kB', '488KiB'],
  [9568256, '9.57MB', '9.125MiB'],
  [106323498, '106MB', '101.4MiB'],
  [25279049728, '25.3GB', '23.54GiB'],
  [999_999, '1e+03kB', '976.6KiB'],
])('%d bytes are %s, or %s', (bytes, decimal, binary) => {
  expect([decimalSize(bytes), binarySize(bytes)]).toEqual([decimal, binary])
})

test('processes of images with another ps stand in one table', () => {
  const table = processTable([
    { container: 'a', service: 'web', replica: 1, titles: ['PID', 'CMD'], processes: [['1', 'serve']] },
    { container: 'b', service: 'db', replica: 2, titles: ['PID', 'USER'], processes: [['22', 'root']] },
  ])
  expect(table.split('\n')).toEqual([
    'SERVICE  #   PID  CMD    USER',
    'web      1   1    serve  -',
    'db       2   22   -      root',
  ])
})
