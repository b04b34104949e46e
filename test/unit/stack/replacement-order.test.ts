import { describe, expect, it } from 'vitest'
import { type IngressReach, orderOf } from '../../../daemon/stack/replacement-order.ts'
import { rolloutsOf, tolerates } from '../../../daemon/stack/rollout.ts'
import { routingOf } from '../../../daemon/stack/routing.ts'
import type { Service } from '../../../protocol/stackfile/model.ts'
import { aModel } from '../support/core.ts'

const HERE: IngressReach = { kind: 'here' }
const NONE: IngressReach = { kind: 'none', why: 'it is elsewhere' }
const ROUTED: Partial<Service> = { 'x-evenkeel': { routes: [{ host: 'shop.example' }] } }
const PORT = { target: 8080, published: '80', protocol: 'tcp' }

const order = (spec: Partial<Service>, written?: string, reach: IngressReach = HERE) =>
  orderOf({ networks: { default: null }, ...spec }, written, reach)

describe('a service is replaced start-first', () => {
  it.each<[string, Partial<Service>]>([
    ['with a route and nothing to share', ROUTED],
    [
      'with a route and a mount that it only reads',
      { ...ROUTED, volumes: [{ type: 'bind', target: '/a', read_only: true }] },
    ],
    ['with a route and a tmpfs', { ...ROUTED, volumes: [{ type: 'tmpfs', target: '/a' }] }],
    ['with a route and a port that the ingress takes', { ...ROUTED, ports: [PORT] }],
  ])('by itself %s', (_, spec) => expect(order(spec).order).toBe('start-first'))

  it('where the file says so, also beside a writable mount', () => {
    expect(order({ volumes: [{ type: 'volume', source: 'a', target: '/a' }] }, 'start-first').order).toBe('start-first')
  })
})

describe('a service is replaced stop-first', () => {
  it.each<[string, Partial<Service>, RegExp]>([
    ['without a route', {}, /no route in the ingress; .*start-first changes that/],
    [
      'where it can write to a mount',
      { ...ROUTED, volumes: [{ type: 'volume', source: 'a', target: '/a' }] },
      /write to \/a;/,
    ],
    ['in a namespace of the host', { ...ROUTED, pid: 'host' }, /namespace that is not its own \(pid\)/],
    ['with a device', { ...ROUTED, devices: [{ source: '/dev/fuse' }] }, /devices of the host/],
    ['with a fixed name', { ...ROUTED, container_name: 'shop' }, /the fixed name shop/],
    ['with a UDP port', { ...ROUTED, ports: [{ ...PORT, protocol: 'udp' }] }, /80\/udp stays with the Engine/],
    ['with a fixed address', { ...ROUTED, networks: { default: { ipv4_address: '10.0.0.9' } } }, /address 10\.0\.0\.9/],
  ])('by itself %s', (_, spec, why) => {
    expect(order(spec)).toEqual({ order: 'stop-first', why: expect.stringMatching(why) })
  })

  it('where start-first is written and cannot be had, with the reason', () => {
    expect(order({ ports: [PORT] }, 'start-first', NONE)).toEqual({
      order: 'stop-first',
      why: 'order: start-first cannot be had: port 80 stays with the Engine: it is elsewhere',
    })
    expect(order({ network_mode: 'service:vpn' }, 'start-first').why).toContain('shares a namespace with vpn')
  })

  it('where the file says so, whatever it has', () => expect(order(ROUTED, 'stop-first').order).toBe('stop-first'))
})

describe('the ingress has of a service', () => {
  const routing = (spec: Partial<Service>, reach: IngressReach = HERE) => routingOf(aModel({ web: spec }), 'web', reach)

  it('its TCP ports where it starts first, and only there', () => {
    const deploy = { update_config: { order: 'start-first' } }
    expect(routing({ ports: [PORT], deploy })?.ports).toEqual([{ ip: '', port: 80, target: 8080, mode: 'tcp' }])
    expect(routing({ ports: [{ ...PORT, app_protocol: 'http' }], deploy })?.ports[0]?.mode).toBe('http')
    expect(routing({ ports: [PORT] })).toBeUndefined()
    expect(routing({ ports: [{ target: 80 }], deploy })).toBeUndefined()
    expect(routing({ ports: [{ ...PORT, host_ip: '0.0.0.0 ssl' }], deploy })).toBeUndefined()
  })

  it('HTTP/2 where a route says so, or the port that it leads to', () => {
    const routes = [
      { path: '/' },
      { path: '/plain', app_protocol: 'http' },
      { path: '/beside', port: 81, app_protocol: 'grpc' },
    ]
    const spec = { 'x-evenkeel': { routes }, ports: [{ ...PORT, app_protocol: 'h2c' }] }
    expect(routing(spec)?.routes.map(({ target, mode }) => [target, mode])).toEqual([
      [PORT.target, 'h2'],
      [PORT.target, undefined],
      [81, 'h2'],
    ])
    const deploy = { update_config: { order: 'start-first' } } as const
    expect(routing({ ...spec, deploy })?.ports[0]?.mode).toBe('h2')
    const beside = { ...PORT, protocol: 'udp' as const }
    expect(routing({ ...spec, ports: [beside, ...spec.ports] })?.routes[0]?.mode).toBe('h2')
  })

  it('its routes in any order, to its only port where none is named', () => {
    const spec: Partial<Service> = {
      'x-evenkeel': {
        routes: [
          { host: 'Shop.Example', path: '/api/' },
          { path: '/', port: 9000 },
        ],
        drain: '5s',
      },
      expose: ['3000'],
      deploy: { update_config: { order: 'stop-first' } },
    }
    expect(routing(spec)).toMatchObject({
      ports: [],
      drainMs: 5000,
      routes: [
        { host: 'shop.example', path: '/api', target: 3000 },
        { host: undefined, path: '/', target: 9000 },
      ],
    })
  })

  it('nothing where there is none', () => expect(routing(ROUTED, NONE)).toBeUndefined())
})

describe('a rollout', () => {
  const rollouts = (spec: Partial<Service>) => {
    const model = aModel({ web: spec })
    return rolloutsOf(model, 'web', routingOf(model, 'web', HERE), HERE)
  }

  it('of a plain service is what it is in Compose: nothing is waited for', () => {
    expect(rollouts({}).update).toMatchObject({ watched: false, monitorMs: 0 })
  })

  it('follows its replicas one at a time for five seconds once the file says anything', () => {
    const deploy = { update_config: { delay: '1s' } }
    expect(rollouts({ deploy }).update).toMatchObject({
      watched: true,
      parallelism: 1,
      delayMs: 1000,
      monitorMs: 5000,
      monitor: 'instead',
      failureAction: undefined,
    })
    expect(rollouts({ deploy: { update_config: { monitor: '20s' } } }).update).toMatchObject({
      monitorMs: 20_000,
      monitor: 'beside',
    })
  })

  it('back keeps the order of the way there, unless another is written', () => {
    const update_config = { order: 'start-first' }
    expect(rollouts({ deploy: { update_config, rollback_config: { parallelism: 0 } } }).rollback).toMatchObject({
      order: 'start-first',
      parallelism: 0,
    })
    expect(rollouts({ deploy: { update_config, rollback_config: { order: 'stop-first' } } }).rollback.order).toBe(
      'stop-first',
    )
  })

  it('puts up with as many failures as the file says', () => {
    const none = { failureAction: undefined, maxFailureRatio: 0 }
    expect(tolerates(none, 1, 4)).toBe(false)
    expect(tolerates({ ...none, maxFailureRatio: 0.25 }, 1, 4)).toBe(true)
    expect(tolerates({ ...none, maxFailureRatio: 0.25 }, 2, 4)).toBe(false)
    expect(tolerates({ ...none, failureAction: 'continue' }, 4, 4)).toBe(true)
  })
})
