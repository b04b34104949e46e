// The floors of the house (see DESIGN in CONTRIBUTING.md): a lower floor never imports a higher one.
const floor = (name, path, mayImport) => ({
  name,
  severity: 'error',
  comment: `${path} may import only: ${mayImport.join(', ') || 'nothing of ours'}`,
  from: { path: `^${path}/` },
  to: { path: '^(protocol|daemon|client|test)/', pathNot: [path, ...mayImport].map((p) => `^${p}(/|$)`) },
})

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    floor('protocol-is-the-ground', 'protocol', []),
    {
      name: 'protocol-does-no-io',
      severity: 'error',
      from: { path: '^protocol/' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(path)(/posix)?$' },
    },
    floor('engine-knows-no-stacks', 'daemon/engine', ['protocol/problems\\.ts']),
    floor('store', 'daemon/store', ['protocol', 'daemon/stack']),
    floor('stack-is-pure', 'daemon/stack', ['protocol', 'daemon/engine/types\\.ts']),
    {
      name: 'stack-does-no-io',
      severity: 'error',
      from: { path: '^daemon/stack/' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(crypto|path)(/posix)?$' },
    },
    floor('build', 'daemon/build', ['protocol', 'daemon/engine', 'daemon/stack']),
    floor('reconcile', 'daemon/reconcile', [
      'protocol',
      'daemon/engine',
      'daemon/store',
      'daemon/stack',
      'daemon/build',
    ]),
    floor('storage', 'daemon/storage', [
      'protocol',
      'daemon/engine',
      'daemon/store',
      'daemon/stack',
      'daemon/reconcile',
    ]),
    floor('streams', 'daemon/streams', ['protocol', 'daemon/engine', 'daemon/store', 'daemon/stack']),
    floor('jobs', 'daemon/jobs', ['protocol', 'daemon/engine', 'daemon/stack', 'daemon/build', 'daemon/reconcile']),
    floor('access', 'daemon/access', ['protocol', 'daemon/store', 'daemon/stack']),
    floor('http', 'daemon/http', [
      'daemon/access',
      'protocol',
      'daemon/engine',
      'daemon/store',
      'daemon/stack',
      'daemon/build',
      'daemon/reconcile',
      'daemon/jobs',
      'daemon/storage',
      'daemon/streams',
    ]),
    floor('client-is-thin', 'client', ['protocol']),
    {
      name: 'client-loads-no-daemon-library',
      severity: 'error',
      from: { path: '^client/' },
      to: { path: 'node_modules/(undici|better-sqlite3|fastify|pino)(/|$)' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default'] },
  },
}
