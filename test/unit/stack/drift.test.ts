import { describe, expect, test } from 'vitest'
import { hostDrift, restartDrift } from '../../../daemon/stack/drift.ts'

const MiB = 1024 ** 2

describe('a container that somebody changed past us', () => {
  test.each([
    ['mem_limit', { Memory: 64 * MiB }, { Memory: 128 * MiB, MemorySwap: 256 * MiB }, '67.11MB', '134.2MB'],
    ['cpus', { NanoCpus: 500_000_000 }, { NanoCpus: 0 }, '0.5', 'none'],
    ['pids_limit', {}, { PidsLimit: 100 }, 'none', '100'],
    ['cpuset', { CpusetCpus: '0' }, { CpusetCpus: '0-1' }, '0', '0-1'],
    ['memswap_limit', { Memory: MiB, MemorySwap: -1 }, { Memory: MiB, MemorySwap: 5 * MiB }, 'none', '5.243MB'],
  ])('shows %s', (field, declared, actual, wanted, is) => {
    expect(hostDrift(declared, actual)).toEqual([{ field, declared: wanted, actual: is }])
  })

  test('shows its restart policy', () => {
    expect(restartDrift({ Name: 'on-failure', MaximumRetryCount: 3 }, { Name: 'no', MaximumRetryCount: 0 })).toEqual([
      { field: 'restart', declared: 'on-failure:3', actual: 'no' },
    ])
  })
})

describe('a container that nobody changed', () => {
  test('has what the Engine fills in, and that is no drift', () => {
    const filled = { Memory: 64 * MiB, MemorySwap: 128 * MiB, PidsLimit: null, NanoCpus: 0, CpusetCpus: '' }
    expect(hostDrift({ Memory: 64 * MiB }, filled)).toEqual([])
    expect(hostDrift({ PidsLimit: -1 }, { PidsLimit: 0 })).toEqual([])
    expect(restartDrift(undefined, { Name: 'no', MaximumRetryCount: 0 })).toEqual([])
    expect(restartDrift({ Name: 'always' }, { Name: 'always', MaximumRetryCount: 0 })).toEqual([])
  })
})
