/** Labels of stacks: who reaches what by them, and who may give them. */
import { describe, expect, test } from 'vitest'
import { House, SHOP } from './house.ts'

const BLOG = { kind: 'stack', id: 'blog' } as const

describe('a label of a stack', () => {
  test('lets in whom it is meant for, and ends what is open when it is taken away', async () => {
    const house = new House()
    const secret = house.token({ name: 't', role: 'developer', stacks: ['env=test'] })
    await expect(house.enter(secret, SHOP, 'exec')).rejects.toMatchObject({ code: 'stack-not-found' })
    house.labels.put('shop', 'env', 'test', house.owner)
    const admitted = await house.enter(secret, SHOP, 'exec')
    expect(admitted.may('exec', 'shop')).toBe(true)
    expect(admitted.may('exec', 'blog')).toBe(false)
    await expect(house.enter(secret, BLOG, 'exec')).rejects.toMatchObject({ code: 'stack-not-found' })
    const ended = new Promise((resolve) => house.gate.watch(admitted, 'exec', SHOP, resolve))
    house.labels.put('shop', 'env', 'production', house.owner)
    expect(await ended).toMatchObject({ code: 'stack-not-found' })
    expect(admitted.may('exec', 'shop')).toBe(false)
  })

  test('is shown in the order of names, takes another value, and goes', () => {
    const { labels, owner } = new House()
    labels.put('shop', 'team', 'a', owner)
    labels.put('shop', 'env', 'test', owner)
    expect(Object.entries(labels.put('shop', 'team', 'b', owner).labels)).toEqual([
      ['env', 'test'],
      ['team', 'b'],
    ])
    expect(labels.list('blog').labels).toEqual({})
    expect(labels.remove('shop', 'env', owner).labels).toEqual({ team: 'b' })
    expect(labels.remove('shop', 'nothing', owner).labels).toEqual({ team: 'b' })
  })

  test('is not given or taken by whoever has not what it gives', async () => {
    const house = new House()
    house.token({ name: 'testers', role: 'developer', stacks: ['env=test'] })
    house.roles.put('human-resources', { permissions: ['connect', 'read', 'access.manage'] }, house.owner)
    const caller = await house.enter(house.token({ name: 'hr', role: 'human-resources' }))
    expect(() => house.labels.put('shop', 'env', 'test', caller)).toThrow(/do not hold: developer/)
    expect(house.labels.list('shop').labels).toEqual({})
    house.labels.put('shop', 'env', 'test', house.owner)
    expect(() => house.labels.remove('shop', 'env', caller)).toThrow(/do not hold/)
    expect(() => house.labels.put('shop', 'env', 'production', caller)).toThrow(/do not hold/)
    expect(house.labels.put('shop', 'colour', 'green', caller).labels).toEqual({ colour: 'green', env: 'test' })
  })

  test('is one of so many of a stack', () => {
    const { labels, owner } = new House()
    for (let count = 0; count < 50; count += 1) labels.put('shop', `l${count}`, 'x', owner)
    expect(() => labels.put('shop', 'more', 'x', owner)).toThrow(/50 labels already/)
    expect(Object.keys(labels.put('shop', 'l3', 'y', owner).labels)).toHaveLength(50)
  })
})
